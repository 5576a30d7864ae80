"""The local tier that the settings name: trained, opened, examined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from connector.classify.shortlist import Shortlist, ShortlistingClassifier
from connector.domain.taxonomy import Axis
from connector.local.current import CurrentModel
from connector.local.embedding import installed_engine
from connector.local.extra import need_the_extra
from connector.ports import Classifier, Clock, LocalModel, Observer
from connector.quality.dataset import LabelledTicket
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.local.examination import Examination
    from connector.local.model import TrainedModel
    from connector.local.training import Trained, TrainingPolicy


def train_local(settings: Settings, tickets: Sequence[LabelledTicket]) -> Trained:
    """A model of these labels, saved where the settings say.  Raises SettingsError without the extra."""
    need_the_extra()
    from connector.local.model_file import save_model
    from connector.local.training import train

    trained = train(tickets, _training_policy(settings), installed_engine())
    save_model(trained.model, settings.local.model)
    return trained


def open_local(settings: Settings) -> TrainedModel:
    """The trained model.  Raises SettingsError without the extra, or when it must be trained (again)."""
    need_the_extra()
    from connector.local.model_file import load_model

    return load_model(settings.local.model, installed_engine())


def with_shortlist(classifier: Classifier, settings: Settings, local: LocalModel) -> Classifier:
    """The classifier, told the likeliest classes where an axis is a tree of many; else just itself.

    They come from the local model where there is one, else from the words of the classes alone.
    """
    taxonomy = settings.taxonomy()
    if not any(taxonomy.is_crowded(axis) for axis in Axis):
        return classifier
    return ShortlistingClassifier(classifier, Shortlist(taxonomy, local))


def current_local(settings: Settings, observer: Observer) -> CurrentModel:
    """The model as it is trained at the moment, if there is one; what is wrong with it becomes an event."""
    return CurrentModel(settings.local.model, settings.taxonomy(), observer)


def examine_local(
    settings: Settings, tickets: Sequence[LabelledTicket], clock: Clock, target: float | None = None
) -> Examination:
    """The saved model on tickets it has not seen; without any, its way of training, cross-validated."""
    need_the_extra()
    from connector.local.examination import cross_examine, examine
    from connector.local.training import fingerprint

    policy = _training_policy(settings, target)
    if target is None and settings.local.model.exists():
        model = open_local(settings)
        if any(fingerprint(each) not in model.fingerprints for each in tickets):
            return examine(tickets, model, policy.target, clock)
    return cross_examine(tickets, policy, clock, installed_engine())


def learnt_by(local: CurrentModel) -> Callable[[LabelledTicket], bool]:
    """Whether the local tier, as it is now, was trained on a ticket's words; never without a usable model."""
    model = local.look()
    if model is None:
        return lambda _: False
    from connector.local.training import fingerprint

    return lambda ticket: fingerprint(ticket) in model.fingerprints


def _training_policy(settings: Settings, target: float | None = None) -> TrainingPolicy:
    from connector.local.training import TrainingPolicy

    chosen, taxonomy = settings.local, settings.taxonomy()
    return TrainingPolicy(
        target=chosen.target_precision if target is None else target,
        labels_per_class=chosen.labels_per_class,
        least_similarity=chosen.least_similarity,
        thresholds=settings.thresholds.by_axis(),
        taxonomy={axis: taxonomy.names(axis) for axis in Axis},
    )
