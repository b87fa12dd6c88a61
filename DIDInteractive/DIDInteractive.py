"""The Slicer module: candidates along the noise-resolution trade-off of a low-dose CT. Opens with nothing installed."""

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


class DIDInteractive(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("DID Interactive")
        parent.categories = [f"{translate('qSlicerAbstractCoreModule', 'Filtering')}.{_('Denoising')}"]
        parent.dependencies = ["LDCTDenoise", "Sequences"]
        parent.contributors = ["LDCTDenoise contributors"]
        parent.helpText = _(
            "Turns one low-dose CT volume and a trained network into candidates, from the smoothest to the untouched "
            "input, with what each keeps of noise and of edges. Browse them with the Sequences toolbar or in the plot, "
            "and keep the one that suits the task. All computation is local. "
            "For research and education, not for clinical use.")
        parent.acknowledgementText = _(
            "The candidates follow Bai, Wang, Nguyen, Wang, Dong, Cong, Kalra and Jiang, Deep Interactive Denoiser, "
            "<a href='https://arxiv.org/abs/2011.14873'>arXiv:2011.14873</a>; the default network follows Bai, Nguyen, "
            "Wang and Jiang, <a href='https://doi.org/10.2991/jaims.d.210428.001'>doi:10.2991/jaims.d.210428.001</a>.")


class DIDInteractiveWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """What Slicer asks of a module's panel; the panel itself is ``DIDInteractiveLib.didwidget.CandidatePanel``."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = self.panel = None

    def setup(self):
        from DIDInteractiveLib.didwidget import CandidatePanel

        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/DIDInteractive.ui"))
        self.layout.addWidget(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = DIDInteractiveLogic()
        self.panel = CandidatePanel(slicer.util.childWidgetVariables(widget), self.logic)
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
        for part in (self.panel, self.logic):
            if part is not None:
                part.close()

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
        from DIDInteractiveLib.didwidgetparameters import CandidateParameters

        self.panel.setParameters(CandidateParameters(self.logic.getParameterNode()))

    def onReload(self):
        # The base class runs this file again; its library is forgotten first, and the worker that has it loaded is
        # ended. LDCTDenoiseLib stays: the panel of LDCT Denoise may be open and work with it.
        from LDCTDenoiseLib.workerclient import close_shared_client

        close_shared_client()
        for name in [name for name in sys.modules if name.split(".")[0] == "DIDInteractiveLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class DIDInteractiveLogic(ScriptedLoadableModuleLogic):
    """Makes and manages candidate sets in the scene; needs no user interface.

    A set is known by its vtkMRMLSequenceNode; nodes of it can be passed wherever a set is asked for. Its volumes run
    from the smoothest (item 0) over the network's own result to the untouched input (last), with the measured noise SD
    in HU as index. Each carries attributes ``DIDInteractive.*`` and ``LDCTDenoise.*``.

    :param engine: makes the candidates, a ``DIDInteractiveLib.didengine.DIDEngine``; by default one in a process of its
      own, which is started by the first run and shared by all.
    :param freeMemory: bytes that may be used; by default what this computer has free at each run.

    ``job``: the run under way, or else the last one, an ``LDCTDenoiseLib.job.Job``; None before the first.
    """

    def __init__(self, engine=None, freeMemory=None):
        ScriptedLoadableModuleLogic.__init__(self)
        from DIDInteractiveLib import candidatebetween, candidatebrowser, candidatechart
        from DIDInteractiveLib import candidateexport, candidatekeeping, candidatenodes

        self._between, self._browsers, self._charts = candidatebetween, candidatebrowser, candidatechart
        self._keeping, self._nodes, self._exporting = candidatekeeping, candidatenodes, candidateexport
        if engine is None:
            from DIDInteractiveLib.didworkerengine import WorkerDIDEngine

            engine = WorkerDIDEngine()
        self.engine = engine
        self.freeMemory = freeMemory
        self.job = None

    @property
    def busy(self):
        """Whether candidates are being made. There is one run at a time."""
        return self.job is not None and self.job.busy

    def generateCandidates(self, inputVolume, model="hrnet", method="did-ordered", count=9, progress=None, *,
                           sliceIndex=None, settings=None, device="auto", precision="auto", regionROI=None,
                           statisticsROI=None, backgroundROI=None, referenceVolume=None, defaultVolume=None,
                           defaultFilter=None, cancelled=None, onCandidate=None, waitForCompletion=True):
        """Make candidates of ``inputVolume`` (vtkMRMLScalarVolumeNode, HU) and return their vtkMRMLSequenceNode.

        A candidate, or another volume of a set, stands for the volume that the set was made from, which is not changed.
        A further run of the same kind updates the set, unless that was renamed; one of another kind makes a set of its
        own. Input, region (by its name), network, method and default image make the kind, which the name tells, from
        "<input> candidates" to "<input> candidates in <region> (<network>, <method>)". A preview makes way for the set.

        :param model: name of a model, see ``engine.models()``.
        :param method: "did-ordered", "did", "did-literal", "blend" or "interpolate".
        :param count: 3 to 31 candidates, default and input included; fewer where memory or network allow no more.
        :param progress: called as ``progress(fraction, text, remainingSeconds)``.
        :param sliceIndex: only this slice (its number along K), see :meth:`preview`.
        :param settings: a ``DIDInteractiveLib.settings.CandidateSettings`` in place of ``method`` and ``count``.
        :param device: "auto", "cpu", "cuda" or "mps"; and precision: "auto", "fp32", "bf16" or "fp16".
        :param regionROI: a vtkMRMLMarkupsROINode: work on the voxels around it only; the candidates cover only them.
        :param statisticsROI: a vtkMRMLMarkupsROINode: measure noise in it instead of flat soft tissue, and, with
          ``backgroundROI``, contrast to noise between the two.
        :param referenceVolume: a volume of the same grid, such as the full dose, to measure errors against.
        :param defaultVolume: a volume of the same grid, the result of any other denoiser, to be the default candidate
          in place of the network's. A network is fitted to it first, which takes time.
        :param defaultFilter: the same, made by a classical filter: "nlm", "tv" or "gaussian".
        :param cancelled: called without arguments now and then while waiting; the run stops when it returns True.
        :param onCandidate: called with a temporary volume whenever that shows another finished candidate, and with None
          before that goes, at the end of the run. The set itself is written when it is whole.
        :param waitForCompletion: False returns an ``LDCTDenoiseLib.job.Job`` at once, whose ``result`` is the set in
          the end; ``job.cancel()`` stops it. Needs an engine in a process of its own and an event loop.

        Raises ValueError for what cannot be done, ``LDCTDenoiseLib.engine.Cancelled`` when stopped, and RuntimeError
        when the engine fails, a run is under way, or the input was changed or deleted; the scene is then as it was.
        What happens after a job was returned becomes its ``error`` and is logged.
        """
        from DIDInteractiveLib import candidaterun, candidatestart
        from DIDInteractiveLib.settings import CandidateSettings

        candidatestart.check_free(self.job, self.engine, waitForCompletion)
        settings = settings or CandidateSettings(method=method, count=count)
        # The voxels are not kept here, or the traceback of a failed run would keep them alive.
        self.job = candidatestart.start(
            self.engine, candidaterun.prepare(
                self._nodes.source_of(inputVolume), sliceIndex, regionROI, statisticsROI, backgroundROI,
                referenceVolume, defaultVolume, defaultFilter), settings, self.freeMemory, progress, cancelled,
            onCandidate, model=model, device=device, precision=precision, default_filter=defaultFilter)
        return candidatestart.outcome(self.job, cancelled, waitForCompletion)

    def preview(self, inputVolume, sliceIndex, *arguments, **options):
        """Make the set "<input> preview" of one slice (its number along K); else like :meth:`generateCandidates`."""
        return self.generateCandidates(inputVolume, *arguments, sliceIndex=sliceIndex, **options)

    def close(self):
        """Stop the run under way, as nobody is left who could use its result."""
        if self.job is not None:
            self.job.cancel()

    def candidateSets(self):
        """Return the sets of the scene that can be browsed."""
        return [node for node in self._nodes.sets_in(slicer.mrmlScene) if self._nodes.is_complete(node)]

    def incompleteSets(self):
        """Return a node of each set that cannot be browsed, as other nodes of it are gone, for :meth:`deleteSet`."""
        return self._nodes.incomplete_in(slicer.mrmlScene)

    def sourceVolume(self, volume):
        """Return the volume that stands behind ``volume``: itself, or the source of the set that it belongs to."""
        return self._nodes.source_of(volume)

    def candidateSet(self, node):
        """Return the set (vtkMRMLSequenceNode) that ``node`` belongs to, or None."""
        return self._nodes.set_of(node)

    def browser(self, candidates):
        """Return the vtkMRMLSequenceBrowserNode of a set, or None where the user removed it."""
        return self._nodes.browser_of(self._nodes.checked_set(candidates))

    def proxyVolume(self, candidates):
        """Return the volume that shows the current candidate, or None where there is no browser."""
        return self._browsers.proxy_of(self._nodes.checked_set(candidates))

    def currentCandidate(self, candidates):
        """Return the number of the current candidate, 0 being the smoothest."""
        return self._nodes.current_item(self._nodes.checked_set(candidates))

    def positions(self, candidates):
        """Return the positions of the candidates, rising, for :meth:`candidateAt`: 0 the default, 1 the input."""
        return self._between.positions_of(self._nodes.checked_set(candidates))

    def table(self, candidates):
        """Return the vtkMRMLTableNode with one row for every candidate."""
        return self._nodes.checked_set(candidates).GetNodeReference(self._nodes.TABLE_ROLE)

    def chart(self, candidates):
        """Return the vtkMRMLPlotChartNode of noise against sharpness."""
        return self._nodes.checked_set(candidates).GetNodeReference(self._nodes.CHART_ROLE)

    def facts(self, candidates):
        """Return the exact numbers of a set, as its vtkMRMLTextNode holds them in JSON, or None where that is gone."""
        return self._nodes.facts_of(self._nodes.checked_set(candidates))

    def selectCandidate(self, candidates, item):
        """Show candidate number ``item``, 0 being the smoothest."""
        self._browsers.select(self._nodes.checked_set(candidates), item)

    def stepCandidate(self, candidates, steps):
        """Go ``steps`` candidates towards the input, or back if negative, but not beyond; return the new number."""
        return self._browsers.step(self._nodes.checked_set(candidates), steps)

    def selectFromPlot(self, seriesIDs, selections):
        """Show the candidate of the point chosen in a plot view, and return whether it was one.

        For ``dataSelected(vtkStringArray*, vtkCollection*)`` of a qMRMLPlotView whose click action is vtkChart.SELECT.
        """
        return self._charts.select(slicer.mrmlScene, seriesIDs, selections)

    def candidateAt(self, candidates, position, sliceIndex=None):
        """Write the image at ``position`` to the volume "<set> between" and return that; the plot's mark follows.

        Between two candidates it is their linear interpolation, on which nothing is measured. With ``sliceIndex`` only
        this slice is written, at once; without, all of them, and the browser selects the candidate next to it.
        """
        return self._between.candidate_at(self._nodes.checked_set(candidates), position, sliceIndex)

    def compareCandidates(self, candidates, item=None):
        """Return a second browser on the set, at first on the input, or on candidate ``item``; one for each set."""
        return self._browsers.compare(self._nodes.checked_set(candidates), item)

    def differenceToInput(self, candidates, position=None, sliceIndex=None):
        """Return the volume of input minus current candidate (or image at ``position``), written anew.

        Or, with ``sliceIndex``, at once in this slice alone where the volume is there already.
        """
        return self._keeping.difference(self._nodes.checked_set(candidates), position, sliceIndex)

    def keepCandidate(self, candidates, position=None):
        """Return a new ordinary volume of the current candidate, or the image at ``position``; it outlives the set."""
        return self._keeping.keep(self._nodes.checked_set(candidates), position)

    def exportProblem(self, node):
        """Return "" when ``exportAsDICOM`` can be tried on ``node`` (or None), or one sentence why not; quick."""
        return self._exporting.problem(node)

    def exportAsDICOM(self, node, folder, progress=None, cancelled=None):
        """Write a candidate as a DICOM series derived from the one that its source was loaded from; return the folder.

        ``node``: the volume of a candidate, of a set or kept, or a set, which stands for its current candidate. The
        other parameters, and the errors, are those of ``LDCTDenoiseLogic.exportAsDICOM``.
        """
        return self._exporting.export(node, folder, progress, cancelled)

    def deleteSet(self, candidates):
        """Remove what there is of the set that a node belongs to; the input and the volumes that were kept stay."""
        self._keeping.delete(candidates)


class DIDInteractiveTest(ScriptedLoadableModuleTest):
    """Self-test for "Reload and Test": within a minute and without internet, with PyTorch or without."""

    def runTest(self):
        from DIDInteractiveLib import selftest

        for check in (selftest.check_logic, selftest.check_panel, selftest.check_network):
            slicer.mrmlScene.Clear()
            self.delayDisplay(check(DIDInteractiveLogic))
