"""What of the documents is made from something else: the index of decisions from their pages."""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
INDEX = PROJECT / "DECISIONS.md"

# Pages of decisions in the order in which they are read, with their Japanese titles.
THEMES = {
    "time-and-customers": "時間と顧客",
    "mrr": "MRR と増減",
    "retention": "継続と解約",
    "ltv": "LTV と獲得費用",
    "surveys": "アンケート",
    "onboarding-and-usage": "オンボーディングと利用",
    "health": "ヘルススコア",
    "finance": "経理との突き合わせ",
    "closing": "月次の締め",
    "acceptance": "元データの受け入れ",
    "proof": "二重計算と公開",
}


def page(theme: str) -> Path:
    """The page of a theme."""
    return PROJECT / "docs" / "decisions" / f"{theme}.md"


def decisions(theme: str) -> dict[str, str]:
    """Title and text of each decision of a theme."""
    _, *parts = re.split(r"^### (.+)\n", page(theme).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def anchor(title: str) -> str:
    """The address of a heading within its page."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def index_of_decisions() -> str:
    """DECISIONS.md as it should be: its own opening, then every decision under its theme."""
    lines = [INDEX.read_text(encoding="utf-8").partition("\n## ")[0].rstrip()]
    for theme, title_ja in THEMES.items():
        title = page(theme).read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        where = page(theme).relative_to(PROJECT).as_posix()
        lines += ["", f"## [{title}]({where}) {title_ja}", ""]
        lines += [f"- [{decision}]({where}#{anchor(decision)})" for decision in decisions(theme)]
    return "\n".join(lines) + "\n"
