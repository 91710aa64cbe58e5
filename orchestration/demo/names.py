"""Invented company names, put together from parts; any likeness to a real company is chance."""

import numpy as np

from orchestration.demo import constants as figures
from orchestration.demo.tables import generator

CUSTOMER, CHILD, LOST_TRIAL, PROSPECT, INTERNAL = range(5)

JP_FIRST = (
    "碧凪 暁峰 澪原 蒼苑 雪嶺 星灘 緑暁 遥峯 白澪 朱凪 霧嶋原 虹ヶ瀬 月渚 風苑 陽澄 千澪 常盤凪 深緋 翠湊 銀嶺原 "
    "木霊野 朝霞峯 彩雲野 鏡ヶ淵 波澄 紺碧野 茜峯 萌黄原 雫石野 宵凪 若苗野 藍渓 玉響 細波野 花筏 空澄 東雲峯 "
    "八重渚 瑠璃渓 琥珀野"
)
JP_MIDDLE = "第一 東 西 南 北 中央 新 総合 先端 みらい ひかり あかり つばさ みのり さくら いずみ かがやき はやて のぞみ"
JP_FIELD = (
    "物産 精機 システムズ 食品 物流 商会 工業 電装 メディカル データ 設計 教育 建設 繊維 化成 ソリューションズ "
    "マテリアル 倉庫 印刷 ロボティクス エナジー フーズ テクノ 樹脂 通商 計測 企画 運輸 製作所 研究所"
)
JP_FORMS = ("株式会社{}{}{}", "{}{}{}株式会社")
EN_FIRST = (
    "Alderwick Brinmoor Caldrith Dunmarsh Elverstone Fennholt Gravenmere Hollowick Inverlake Jarrowfen Kestrelby "
    "Lorringdale Marlowick Norvale Oakharrow Pellingford Quillmoor Ravenshaw Sablewick Tarnfield Umberleigh Vexholm "
    "Wrenmoor Yarrowby"
)
EN_MIDDLE = (
    "North South East West Blue Silver Prime Delta Union Harbor Summit River Copper Maple Pioneer Meridian Cobalt"
)
EN_FIELD = (
    "Foods Logistics Robotics Textiles Analytics Instruments Health Materials Energy Learning Freight Software Retail "
    "Builders Capital Labs Printing Devices Optics Trading"
)
EN_FORMS = ("{} {} {} Inc.", "{} {} {} Pte. Ltd.", "{} {} {} Group")


def company_names(kinds: np.ndarray, roots: np.ndarray, countries: np.ndarray) -> list[str]:
    """Return a name an account, Japanese ones for Japan; children carry their parent's name and a number."""
    in_japan = countries == list(figures.COUNTRIES).index("JP")
    own_name = ~np.isin(kinds, (CHILD, INTERNAL))
    japanese = iter(_names("jp", int((in_japan & own_name).sum()), JP_FIRST, JP_MIDDLE, JP_FIELD, JP_FORMS))
    english = iter(_names("en", int((~in_japan & own_name).sum()), EN_FIRST, EN_MIDDLE, EN_FIELD, EN_FORMS))
    internal = iter(name for name, _ in figures.INTERNAL_ACCOUNTS)
    children: dict[int, int] = {}
    names: list[str] = []
    for kind, root, is_japanese in zip(kinds, roots, in_japan, strict=True):
        if kind == INTERNAL:
            names.append(next(internal))
        elif kind == CHILD:
            children[root] = children.get(root, 0) + 1
            names.append(f"{names[root]} {'子会社' if is_japanese else 'Subsidiary '}{children[root]}")
        else:
            names.append(next(japanese if is_japanese else english))
    return names


def _names(language: str, count: int, first: str, middle: str, field: str, forms: tuple[str, ...]) -> list[str]:
    """Return names in a fixed random order; the middle part may be left out, and a number follows when all are used."""
    parts = (forms, first.split(), ["", *middle.split()], field.split())
    sizes = [len(part) for part in parts]
    turn, place = np.divmod(np.arange(count), np.prod(sizes))
    order = generator(f"names_{language}").permutation(np.prod(sizes))[place]
    chosen = zip(turn, *np.unravel_index(order, sizes), strict=True)
    return [
        " ".join(parts[0][a].format(parts[1][b], parts[2][c], parts[3][d]).split()) + (f" {again + 1}" if again else "")
        for again, a, b, c, d in chosen
    ]
