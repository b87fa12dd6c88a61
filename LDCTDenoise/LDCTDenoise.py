"""The Slicer module: denoise a low-dose CT volume with a trained network. Opens with nothing installed."""

import logging
import sys

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class LDCTDenoise(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("LDCT Denoise")
        parent.categories = [f"{translate('qSlicerAbstractCoreModule', 'Filtering')}.{_('Denoising')}"]
        parent.dependencies = []
        parent.contributors = ["LDCTDenoise contributors"]
        parent.helpText = _(
            "Removes noise from low-dose CT volumes with a neural network. All computation is local. "
            "For research and education, not for clinical use.")
        parent.acknowledgementText = _(
            "The default network follows Bai, Nguyen, Wang and Jiang, "
            "<a href='https://doi.org/10.2991/jaims.d.210428.001'>doi:10.2991/jaims.d.210428.001</a>.")
        # There is no application in a Python that holds only MRML, and no Sample Data either.
        if getattr(slicer, "app", None) is not None:
            slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """Offer the shipped CT in the module Sample Data."""
    from LDCTDenoiseLib.sampledata import register_sample_data
    from SampleData import SampleDataLogic

    register_sample_data(SampleDataLogic, _("LDCT Denoise"))


class LDCTDenoiseWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """What Slicer asks of a module's panel; the panel itself is ``LDCTDenoiseLib.widget.Panel``."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None

    def setup(self):
        from LDCTDenoiseLib.widget import Panel

        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/LDCTDenoise.ui"))
        self.layout.addWidget(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = LDCTDenoiseLogic()
        self.panel = Panel(slicer.util.childWidgetVariables(widget), self.logic)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneReady)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartImportEvent, self.onSceneStartImport)
        # After the selectors, which know the new nodes only then.
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneReady, priority=-1.0)
        self.initializeParameterNode()
        if self.parent.isEntered:  # made anew by a reload, which does not open the module again
            self.enter()

    def cleanup(self):
        self.removeObservers()
        if self.panel is not None:
            self.panel.close()
        if self.logic is not None:
            self.logic.close()

    def enter(self):
        self.initializeParameterNode()
        self.panel.enter()

    def exit(self):
        self.panel.exit()

    def onSceneStartClose(self, caller, event):
        self.panel.sceneCloses()

    def onSceneReady(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneStartImport(self, caller, event):
        # Selectors that do not know the new nodes yet would overwrite the parameters that are read.
        self.panel.setParameters(None)

    def initializeParameterNode(self):
        self.panel.setParameters(self.logic.getParameterNode())

    def onReload(self):
        # The base class runs this file again; the library behind it has to be forgotten first, and its worker ended.
        # The panel of DID Interactive works with that library too, if it is open: it is made anew on the new one.
        from LDCTDenoiseLib.workerclient import close_shared_client

        close_shared_client()
        together = hasattr(getattr(slicer, "modules", None), "DIDInteractiveWidget")
        libraries = ("LDCTDenoiseLib", "DIDInteractiveLib") if together else ("LDCTDenoiseLib",)
        for name in [name for name in sys.modules if name.split(".")[0] in libraries]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)
        if together:
            slicer.util.reloadScriptedModule("DIDInteractive")


class LDCTDenoiseLogic(ScriptedLoadableModuleLogic):
    """Denoises volumes of the scene; needs no user interface.

    ``engine``: what runs the networks, an ``LDCTDenoiseLib.engine.Engine``; by default one in a process of its own,
    which is started by the first run and shared by all.
    ``job``: the run under way, or else the last one, an ``LDCTDenoiseLib.job.Job``; None before the first.
    """

    def __init__(self, engine=None):
        ScriptedLoadableModuleLogic.__init__(self)
        from LDCTDenoiseLib import resultexport

        self._exporting = resultexport
        if engine is None:
            from LDCTDenoiseLib.workerengine import WorkerEngine

            engine = WorkerEngine()
        self.engine = engine
        self.job = None

    def getParameterNode(self):
        """Return what the panel keeps in the scene, a ``LDCTDenoiseLib.widgetparameters.PanelParameters``."""
        from LDCTDenoiseLib.widgetparameters import PanelParameters

        return PanelParameters(ScriptedLoadableModuleLogic.getParameterNode(self))

    @property
    def busy(self):
        """Whether a run is under way. There is one at a time."""
        return self.job is not None and self.job.busy

    def process(self, inputVolume, outputVolume=None, model="hrnet", strength=1.0, device="auto", progress=None,
                *, precision="auto", removedNoise=False, cancelled=None, waitForCompletion=True):
        """Denoise ``inputVolume`` (vtkMRMLScalarVolumeNode, HU) and return the volume that holds the result.

        :param outputVolume: volume to write to; None: "<input> denoised", created once and used again by later runs.
          It gets the input's voxel type, geometry, parent transform, window and level, its place in the subject
          hierarchy, and attributes ``LDCTDenoise.*`` that say how it was made.
        :param model: name of a model, see ``engine.models()``.
        :param strength: 0 (the input, bit for bit) to 1 (the network's own result).
        :param device: name of a device, see ``engine.devices()``.
        :param progress: called as ``progress(doneSlices, totalSlices, remainingSeconds)``.
        :param precision: "auto", "fp32", "bf16" or "fp16".
        :param removedNoise: also make a volume of input minus output, see ``removedNoiseVolume``.
        :param cancelled: called without arguments now and then while waiting; the run stops when it returns True.
        :param waitForCompletion: False returns an ``LDCTDenoiseLib.job.Job`` at once. Its observers are told how the
          run goes on, and ``job.result`` is the volume in the end; ``job.cancel()`` stops it. Needs an engine in a
          process of its own and, as Slicer has it, an event loop.

        Raises ValueError for input that cannot be denoised, ``LDCTDenoiseLib.engine.Cancelled`` when stopped, and
        RuntimeError when the engine fails, the nodes were changed or deleted meanwhile, or another run is under way.
        The scene is then unchanged. What happens after a job was returned becomes its ``error`` and is logged.
        """
        # In a method of its own, so that the traceback of a failed run keeps no voxels alive.
        self._checkFree(waitForCompletion)
        self._start(inputVolume, outputVolume, removedNoise, progress, cancelled,
                    model=model, strength=strength, device=device, precision=precision)
        return self._outcome(cancelled, waitForCompletion)

    def _start(self, inputVolume, outputVolume, removedNoise, progress, cancelled, **options):
        from LDCTDenoiseLib import volumerun

        request, importReply, onProgress = volumerun.prepare(
            inputVolume, outputVolume, removedNoise, self._tell, progress, **options)
        self._run(request, importReply, onProgress, cancelled)

    def processFrames(self, inputVolume, model="hrnet", strength=1.0, device="auto", *, precision="auto",
                      cancelled=None, waitForCompletion=True):
        """Denoise all frames of the volume sequence that ``inputVolume`` shows a frame of.

        The result is a sequence in the same browser, "<input> denoised", made once and filled again by later runs; the
        volume that shows its frames is returned. Parameters and errors are those of ``process``, but the engine has to
        be one in a process of its own.
        """
        from LDCTDenoiseLib import framesequence
        from LDCTDenoiseLib.job import Job

        self._checkFree(False)
        start, importReplies = framesequence.prepare(
            inputVolume, self.engine.start_denoise, self._tell, model=model, strength=strength, device=device,
            precision=precision)
        self.job = Job(importReplies)
        self.job.start(start)
        return self._outcome(cancelled, waitForCompletion)

    def startRequest(self, request, importReply):
        """Begin to compute ``request``, a ``LDCTDenoiseLib.engine.DenoiseRequest`` apart from any node.

        Returns a job, as ``process`` may, whose result is what ``importReply`` makes of the reply.
        """
        self._checkFree(False)
        self._run(request, importReply)
        return self._outcome(None, False)

    def _checkFree(self, waitForCompletion):
        if self.busy:
            raise RuntimeError(_("A volume is being denoised already: wait until that is done, or stop it."))
        if not (waitForCompletion or hasattr(self.engine, "start_denoise")):
            raise ValueError(_("This engine computes in the calling process, where it can only be waited for."))

    def _run(self, request, importReply, onProgress=None, cancelled=None):
        from LDCTDenoiseLib.job import Job

        self.job = job = Job(importReply, onProgress)
        if hasattr(self.engine, "start_denoise"):
            job.start(lambda job: self.engine.start_denoise(request, job))
        else:
            job.compute(lambda stopped: self.engine.denoise(
                request, job.progressed, lambda: stopped() or (cancelled is not None and cancelled())))

    def _tell(self, messages, seconds):
        self.job.messages, self.job.seconds = messages, seconds
        for message in messages:
            logging.info(message)

    def _outcome(self, cancelled, waitForCompletion):
        if waitForCompletion or not self.busy:
            return self.job.wait(cancelled)
        self.job.add_observer(_logFailure)
        return self.job

    def close(self):
        """Stop the run under way, as nobody is left who could use its result."""
        if self.job is not None:
            self.job.cancel()

    def removedNoiseVolume(self, outputVolume):
        """Return the volume of what was removed from the source of ``outputVolume``, or None."""
        from LDCTDenoiseLib import scene

        scene.check_node(outputVolume)
        return outputVolume.GetNodeReference(scene.REMOVED_NOISE_ROLE)

    def exportProblem(self, volumeNode):
        """Return "" when ``exportAsDICOM`` can be tried on ``volumeNode`` (or None), or one sentence why not; quick."""
        return self._exporting.problem(volumeNode)

    def exportAsDICOM(self, volumeNode, folder, progress=None, cancelled=None):
        """Write a result as a DICOM series derived from the one that its source was loaded from; return the folder.

        ``folder``: new or empty. ``progress(done, total)`` is called several times a slice, then ``cancelled()``.
        Raises ValueError without such headers or folder, ``engine.Cancelled`` when stopped, and RuntimeError when
        writing fails; nothing is written then.
        """
        return self._exporting.export(volumeNode, folder, progress, cancelled)


def _logFailure(job, event, value):
    if (event, value) == ("state", "failed"):
        logging.error("%s\n%s", job.error, job.details)


class LDCTDenoiseTest(ScriptedLoadableModuleTest):
    """Self-test for "Reload and Test": within a minute and without internet, with PyTorch or without."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        for test in (self.test_logic, self.test_panel, self.test_network):
            self.setUp()
            test()

    def test_logic(self):
        from LDCTDenoiseLib.selftest import check_logic

        check_logic(LDCTDenoiseLogic)
        self.delayDisplay("The Logic denoises.")

    def test_panel(self):
        from LDCTDenoiseLib.selftest import check_panel

        module = getattr(getattr(slicer, "modules", None), "ldctdenoise", None)
        if module is not None:  # else this is a Python that holds only MRML
            check_panel(module.widgetRepresentation().self())
            self.delayDisplay("The panel denoises.")

    def test_network(self):
        from LDCTDenoiseLib.selftest import check_network
        from LDCTDenoiseLib.widgetinstall import torchIsInstalled

        if not torchIsInstalled():
            self.delayDisplay("PyTorch is not installed: no network was run.")
            return
        check_network(LDCTDenoiseLogic)
        self.delayDisplay("A network denoises.")
