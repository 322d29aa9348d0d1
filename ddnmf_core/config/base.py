"""Settings of any kind: validated, frozen, hashed to an id, and read again from what any version stored."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
)
from pydantic_core import ErrorDetails

ID_LENGTH = 16
MAX_SHOWN_LETTERS = 100  # of an invalid value
DatasetName = Literal["mnist-10k", "fashion-mnist-10k", "mnist", "fashion-mnist", "digits"]
USER_DATASET = re.compile(r"own-[0-9a-f]{16}")  # a user data set, named by the hash of its content
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


def _is_dataset(name: str) -> str:
    if name not in get_args(DatasetName) and not USER_DATASET.fullmatch(name):
        raise ValueError(f"should be {', '.join(map(repr, get_args(DatasetName)))} or your own data, 'own-' and 16 hex digits")
    return name


Dataset = Annotated[str, AfterValidator(_is_dataset)]


def config_hash(fields: dict[str, Any]) -> str:
    """Hash the sorted JSON of a configuration's fields to its id."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


class Config(BaseModel):
    """Frozen, validated settings with an id.

    Raises
    ------
    ValueError
        One sentence per invalid field: the field, the value received and what was wanted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # Fields added after ids were published, with the value that reproduces the old behaviour; left out of the hash, and of
    # stored settings, at that value so that old ids stay valid.
    ADDED_FIELDS: ClassVar[dict[str, Any]] = {}

    def __init__(self, **fields: object) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise ValueError(describe_errors(error)) from None

    @field_validator("*")
    @classmethod
    def _no_minus_zero(cls, value: object) -> object:
        """Write -0.0 as 0.0: they are equal, so their ids must be."""
        return 0.0 if isinstance(value, float) and value == 0 else value

    @model_serializer(mode="wrap")
    def _omit_added_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {
            name: value
            for name, value in dump(self).items()
            if name not in self.ADDED_FIELDS or value != self.ADDED_FIELDS[name]
        }

    def settings(self) -> dict[str, Any]:
        """Return all settings by name, as JSON values: `RunConfig(**settings)` is this configuration in every version."""
        fields = {**self.ADDED_FIELDS, **self.model_dump(mode="json")}
        return {name: fields[name] for name in type(self).model_fields}

    @classmethod
    def stored(cls, fields: Mapping[str, Any]) -> Self:
        """Read a configuration from the output of `model_dump`, by this version or one before, whatever the defaults were.

        Parameters
        ----------
        fields
            Stored settings by name.

        Returns
        -------
        Config
            A configuration of this class.

        Raises
        ------
        ValueError
            If a value is invalid or a field does not exist.
        """
        return cls(**{**cls.ADDED_FIELDS, **fields})

    @property
    def id(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the sorted JSON."""
        return config_hash(self.model_dump(mode="json"))

    def replace(self, **changes: Any) -> Self:
        """Copy the configuration with some fields changed, and validate the copy.

        Parameters
        ----------
        **changes
            New values by field name.

        Returns
        -------
        Config
            A configuration of the same class.

        Raises
        ------
        ValueError
            If a value is invalid or a field does not exist.
        """
        return self.stored({**self.model_dump(), **changes})


def without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the fields except those of these names."""
    return {name: value for name, value in fields.items() if name not in names}


def describe_errors(error: ValidationError) -> str:
    """Join one sentence per problem: the field, the value received and what was wanted."""
    return "; ".join(_sentence(problem) for problem in error.errors())


def _sentence(problem: ErrorDetails) -> str:
    field = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
    if not field:
        return message
    if problem["type"] == "extra_forbidden":
        return f"{field}: there is no such setting"
    received = repr(problem["input"])
    shown = received if len(received) <= MAX_SHOWN_LETTERS else received[:MAX_SHOWN_LETTERS] + " …"
    return f"{field} = {shown}: {message}"
