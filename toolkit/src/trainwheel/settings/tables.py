"""The tables below ``[tool.trainwheel]`` that have keys of their own: indexes, and the gate."""

from __future__ import annotations

from dataclasses import dataclass

from trainwheel.evaluation.gate import Rule
from trainwheel.settings import values as kinds
from trainwheel.settings.keys import key

__all__ = ["GateSettings", "IndexSettings", "RuleSettings"]


@dataclass(frozen=True)
class IndexSettings:
    """``[tool.trainwheel.index.NAME]``: where an index is and which variables open it."""

    name: str
    # fmt: off
    url: str = key("url", kinds.a_text, "", "Where wheels are uploaded to")
    url_env: str = key("url-env", kinds.a_variable, "",
        "Variable that holds that address; where it is set, and no index is named, it is this one")
    simple_url: str = key("simple-url", kinds.a_text, "",
        "Where the index is read", shown="URL/simple/")
    install_url: str = key("install-url", kinds.a_text, "",
        "Index that users install from: a group or proxy")
    username: str = key("username", kinds.a_text, "",
        "A user name that need not be secret, such as __token__")
    username_env: str = key("username-env", kinds.a_variable, "",
        "Variable that holds the user name")
    password_env: str = key("password-env", kinds.a_variable, "",
        "Variable that holds the password")
    token_command: str = key("token-command", kinds.a_text, "",
        "Command that prints a password of short life, instead of a variable")
    packages: tuple[str, ...] = key("packages", kinds.patterns, [],
        "Packages that are locked and installed from this index and from no other")
    read_username_env: str = key("read-username-env", kinds.a_variable, "",
        "Variable that holds the user name for reading, where it is another one")
    read_password_env: str = key("read-password-env", kinds.a_variable, "",
        "Variable that holds the password for reading, where it is another one")
    listing_wait: float | None = key("listing-wait", kinds.a_positive_number, None,
        "Seconds that an upload may take to be listed; automatic is 45, or 30 more than the "
        "index's pages say that they are cached, 600 at most", shown="automatic")
    allow_http: bool = key("allow-http", kinds.a_flag, False,  # noqa: FBT003
        "Allow an address without TLS")
    # fmt: on


@dataclass(frozen=True)
class RuleSettings:
    """``[tool.trainwheel.gate.METRIC]``: what is asked of one metric; see `Rule`."""

    # fmt: off
    minimum: float | None = key("min", kinds.a_number, None, "The least value that passes")
    maximum: float | None = key("max", kinds.a_number, None, "The greatest value that passes")
    drop: float | None = key("max-drop", kinds.a_positive_number, None,
        "By how much it may be worse than the newest published version of the series")
    drop_relative: float | None = key("max-drop-relative", kinds.a_positive_number, None,
        "The same as a share of the published value: 0.01 is one per cent")
    direction: str = key("direction", kinds.one_of("higher", "lower"), "",
        "Which way the metric is good", shown="known for scikit-learn's names")
    # fmt: on


@dataclass(frozen=True)
class GateSettings:
    """``[tool.trainwheel.gate]``: what is asked of the model's metrics."""

    rules: tuple[Rule, ...] = ()
    # fmt: off
    baseline: str = key("baseline", kinds.one_of("optional", "required"), "optional",
        "Whether a model is refused where nothing is published, or what is cannot answer")
    # fmt: on

    @property
    def compares(self) -> bool:
        """Whether any metric is compared with what is published."""
        return any(rule.compares for rule in self.rules)
