"""The Slicer module: denoise a low-dose CT volume with a trained network. Opens with nothing installed."""

import logging
import math
import sys

import numpy as np
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class LDCTDenoise(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("LDCT Denoise")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Filtering")]
        parent.dependencies = []
        parent.contributors = ["LDCTDenoise contributors"]
        parent.helpText = _(
            "Removes noise from low-dose CT volumes with a neural network. All computation is local. "
            "For research and education, not for clinical use.")
        parent.acknowledgementText = _(
            "The default network follows Bai, Nguyen, Wang and Jiang, "
            "<a href='https://doi.org/10.2991/jaims.d.210428.001'>doi:10.2991/jaims.d.210428.001</a>.")


class LDCTDenoiseWidget(ScriptedLoadableModuleWidget):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        self.logic = None
        self.ui = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/LDCTDenoise.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = LDCTDenoiseLogic()
        self.ui.modelComboBox.addItems(self.logic.engine.models())
        self.ui.inputSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.updateApplyButton)
        self.ui.outputSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.updateApplyButton)
        self.ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        self.updateApplyButton()

    def cleanup(self):
        if self.logic is not None:
            self.logic.close()

    def onReload(self):
        # The base class runs this file again; the library behind it has to be forgotten first, and its worker ended.
        from LDCTDenoiseLib.workerclient import close_shared_client

        close_shared_client()
        for name in [name for name in sys.modules if name.split(".")[0] == "LDCTDenoiseLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def updateApplyButton(self, node=None):
        """Allow Apply when there is something to denoise, and say in the tool tip what is missing."""
        inputVolume, outputVolume = self.ui.inputSelector.currentNode(), self.ui.outputSelector.currentNode()
        missing = None
        if inputVolume is None:
            missing = _("Choose the CT volume to denoise.")
        elif outputVolume is inputVolume:
            missing = _("Choose an output that is not the input.")
        self.ui.applyButton.enabled = missing is None
        self.ui.applyButton.toolTip = missing or _("Denoise the volume.")

    def onApplyButton(self, checked=False):
        """Denoise the chosen volume behind a progress dialog that can cancel, then show the result."""
        import qt
        from LDCTDenoiseLib.engine import Cancelled

        dialog = slicer.util.createProgressDialog(
            maximum=0, labelText=_("Loading the network..."), windowTitle=_("LDCT Denoise"),
            windowModality=qt.Qt.ApplicationModal)
        slicer.app.processEvents()

        def progress(done, total, remaining):
            dialog.maximum = total
            dialog.value = done
            dialog.labelText = _("Slice {done} of {total}, {seconds} s left").format(
                done=done, total=total, seconds=math.ceil(remaining))
            slicer.app.processEvents()

        def cancelled():
            # asked before every layer: a click on Cancel is seen within a slice that takes seconds
            slicer.app.processEvents()
            return dialog.wasCanceled

        with slicer.util.tryWithErrorDisplay(_("The volume was not denoised.")):
            try:
                outputVolume = self.logic.process(
                    self.ui.inputSelector.currentNode(), self.ui.outputSelector.currentNode(),
                    model=self.ui.modelComboBox.currentText, strength=self.ui.strengthSlider.value,
                    removedNoise=self.ui.removedNoiseCheckBox.checked, progress=progress,
                    cancelled=cancelled)
            except Cancelled:
                return
            finally:
                dialog.close()
            self.ui.outputSelector.setCurrentNode(outputVolume)
            slicer.util.setSliceViewerLayers(background=outputVolume)


class LDCTDenoiseLogic(ScriptedLoadableModuleLogic):
    """Denoises volumes of the scene; needs no user interface.

    ``engine``: what runs the networks, an ``LDCTDenoiseLib.engine.Engine``; by default one in a process of its own,
    which is started by the first run and shared by all.
    ``job``: the run under way, or else the last one, an ``LDCTDenoiseLib.job.Job``; None before the first.
    """

    def __init__(self, engine=None):
        ScriptedLoadableModuleLogic.__init__(self)
        if engine is None:
            from LDCTDenoiseLib.workerengine import WorkerEngine

            engine = WorkerEngine()
        self.engine = engine
        self.job = None

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
        self._start(inputVolume, outputVolume, removedNoise, progress, cancelled, waitForCompletion,
                    model=model, strength=strength, device=device, precision=precision)
        if waitForCompletion or not self.busy:
            return self.job.wait(cancelled)
        self.job.add_observer(_logFailure)
        return self.job

    def _start(self, inputVolume, outputVolume, removedNoise, progress, cancelled, waitForCompletion, **options):
        from LDCTDenoiseLib import engine, provenance, scene
        from LDCTDenoiseLib.job import Job

        if self.busy:
            raise RuntimeError("A volume is being denoised already: wait until that is done, or stop it.")
        start = getattr(self.engine, "start_denoise", None)
        if start is None and not waitForCompletion:
            raise ValueError("This engine computes in the calling process, where it can only be waited for.")
        # A copy: whatever happens in the scene during the run, the engine works on one state of the voxels.
        voxels = scene.check_input(inputVolume).copy()
        if outputVolume is not None:
            scene.check_output(outputVolume, inputVolume)
        strength = options["strength"]
        if not 0.0 <= strength <= 1.0:
            raise ValueError(f"The strength is {strength}: choose a number from 0 (no change) to 1 (all of it).")
        warning = scene.stacking_warning(inputVolume)
        if warning:
            logging.warning(warning)
        request = engine.DenoiseRequest(voxels, spacing=inputVolume.GetSpacing()[::-1], **options)

        def checkNodes():
            scene.check_still_there(inputVolume)
            if outputVolume is not None:
                scene.check_still_there(outputVolume)

        def onProgress(done, total, remaining):
            checkNodes()  # without them there is no point in going on
            if progress is not None:
                progress(done, total, remaining)

        def importReply(reply):
            for message in reply.messages:
                logging.info(message)
            checkNodes()
            scene.check_unchanged(inputVolume, voxels)
            attributes = provenance.attributes(reply, strength, inputVolume.GetName())
            return scene.write_result(inputVolume, voxels, reply.array, outputVolume, attributes,
                                      want_noise=removedNoise)

        self.job = job = Job(importReply, onProgress)
        if start is not None:
            job.start(lambda job: start(request, job))
        else:
            job.compute(lambda stopped: self.engine.denoise(
                request, job.progressed, lambda: stopped() or (cancelled is not None and cancelled())))

    def close(self):
        """Stop the run under way, as nobody is left who could use its result."""
        if self.job is not None:
            self.job.cancel()

    def removedNoiseVolume(self, outputVolume):
        """Return the volume of what was removed from the source of ``outputVolume``, or None."""
        from LDCTDenoiseLib import scene

        return outputVolume.GetNodeReference(scene.REMOVED_NOISE_ROLE)


def _logFailure(job, event, value):
    if (event, value) == ("state", "failed"):
        logging.error("%s\n%s", job.error, job.details)


class LDCTDenoiseTest(ScriptedLoadableModuleTest):
    """Self-test for "Reload and Test": no network, no PyTorch, no internet."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        self.test_resultTakesThePlaceOfTheInput()

    def test_resultTakesThePlaceOfTheInput(self):
        from LDCTDenoiseLib.engine import DenoiseReply

        class LowersByOne:
            def denoise(self, request, progress=None, cancelled=None):
                return DenoiseReply(request.array - request.array.dtype.type(1), request.model, "0", "", "cpu", "fp32",
                                    seconds=0.0, noise_before=0.0, noise_after=0.0, effective_strength=1.0)

        voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
        inputVolume = slicer.util.addVolumeFromArray(voxels, ijkToRAS=np.diag([-0.7, -0.7, 3.0, 1.0]), name="CT")
        outputVolume = LDCTDenoiseLogic(LowersByOne()).process(inputVolume, removedNoise=True)
        self.assertEqual(outputVolume.GetName(), "CT denoised")
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(outputVolume), voxels - 1)
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(inputVolume), voxels)
        self.assertEqual(outputVolume.GetSpacing(), inputVolume.GetSpacing())
        self.delayDisplay("Test passed")
