"""Apache Kafka or Google Pub/Sub in place of the local journal: what many doors take comes together in one engine."""

from headwater.errors import SettingsError
from headwater.fan_in.intake import Intake
from headwater.fan_in.writer import Keeper
from headwater.journal import FILE_NAME
from headwater.journal.commit import SameEvent
from headwater.settings import Settings
from headwater.settings.brokers import KafkaTopic, PubSubTopic, broker_of

__all__ = ["Intake", "Keeper", "open_intake", "open_keeper"]


def open_keeper(settings: Settings, same_event: SameEvent) -> Keeper:
    """Where a door's worker leaves what it has taken."""
    place = broker_of(settings.collect.journal_url)
    try:
        match place:
            case None:
                from headwater.journal.writer import Writer

                max_bytes = settings.collect.journal_max_mb * 1024**2
                return Writer(settings.home / FILE_NAME, max_bytes, same_event)
            case KafkaTopic():
                from headwater.fan_in.kafka_writer import KafkaWriter

                return KafkaWriter(place)
            case PubSubTopic():
                from headwater.fan_in.pubsub_writer import PubSubWriter

                return PubSubWriter(place)
    except ModuleNotFoundError as error:
        raise _missing(place, error) from error


def open_intake(settings: Settings) -> Intake:
    """Where the engine takes it from. It opens while the broker is away, too."""
    place = broker_of(settings.collect.journal_url)
    try:
        match place:
            case None:
                from headwater.journal.journal import Journal

                return Journal(settings.home / FILE_NAME)
            case KafkaTopic():
                from headwater.fan_in.kafka_intake import KafkaIntake

                return KafkaIntake(place)
            case PubSubTopic():
                from headwater.fan_in.pubsub_intake import PubSubIntake

                return PubSubIntake(place)
    except ModuleNotFoundError as error:
        raise _missing(place, error) from error


def _missing(place: KafkaTopic | PubSubTopic | None, error: ModuleNotFoundError) -> SettingsError:
    extra = "kafka" if isinstance(place, KafkaTopic) else "pubsub"
    return SettingsError(
        f"collect.journal_url begins with {extra}://, and that needs {error.name}: "
        f"install it with `pip install 'headwater[{extra}]'`."
    )
