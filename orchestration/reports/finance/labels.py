"""Words of the workbook, in English and Japanese, and the signs of its lines."""

from orchestration.reports.finance.figures import FLOWS

SHEETS = {
    "summary": ("Summary", "概要"),
    "nrr": ("NRR", "売上継続率"),
    "waterfall": ("Waterfall", "増減表"),
    "bridge": ("Bridge", "NRRへの橋渡し"),
    "tie_outs": ("Tie-outs", "照合"),
    "restatements": ("Restatements", "修正"),
    "sensitivity": ("Sensitivity", "方針による差"),
    "control": ("Control", "検証"),
    "sign_off": ("Sign-off", "承認"),
    "ledger": ("Ledger", "顧客台帳"),
}
CONTENTS = {
    "nrr": (
        *SHEETS["nrr"],
        "NRR and GRR by segment, by SUMIFS over the ledger",
        "セグメント別のNRRとGRR (台帳のSUMIFS)",
    ),
    "waterfall": (*SHEETS["waterfall"], "MRR from opening to closing, twelve months", "期首から期末までのMRR (12か月)"),
    "bridge": (*SHEETS["bridge"], "From the waterfall to NRR, line by line", "増減表からNRRまでの一行ずつの橋渡し"),
    "tie_outs": (*SHEETS["tie_outs"], "MRR against invoices and revenue", "請求・売上計上との照合"),
    "restatements": (*SHEETS["restatements"], "What changed after the close, and why", "締め後の変更とその理由"),
    "sensitivity": (*SHEETS["sensitivity"], "NRR under other policies", "別の方針によるNRR"),
    "control": (*SHEETS["control"], "Every formula against the warehouse: OK or NG", "数式とDWHの照合 (OK/NG)"),
    "sign_off": (*SHEETS["sign_off"], "Who prepared, reviewed and approved", "作成・確認・承認"),
    "ledger": (*SHEETS["ledger"], "Every customer: what all sheets add up", "全顧客の明細 (全シートの元)"),
}
SEGMENT_HEAD = [("No.", "番号"), ("Kind", "区分"), ("Segment", "セグメント")]
STATUS = ("Control", "判定")
# Signs in the roll-forward, and in the bridge from it to the cohort's MRR now.
ROLL = {"opening": 1, "new": 1, "reactivation": 1, "expansion": 1, "contraction": -1, "churned": -1, "fx": 1}
STEPS = {
    "opening": 1, "expansion": 1, "contraction": -1, "churned": -1, "outside_expansion": -1, "outside_contraction": 1,
    "outside_churned": 1, "cohort_reactivation": 1, "cohort_fx": 1,
}  # fmt: skip
NRR_AMOUNTS = {
    "customers": ("Customers", "顧客数"),
    "opening": ("MRR 12 months ago", "12か月前のMRR"),
    "now": ("MRR now", "現在のMRR"),
    "now_stayed": ("MRR now, lapses not forgiven", "現在のMRR (離脱者を除く)"),
    "uplift": ("Price rises", "値上げ"),
    "retained": ("The smaller of both", "小さい方"),
    "retained_stayed": ("The same, lapses not forgiven", "同 (離脱者を除く)"),
}
# Ratio: its metric, and the columns that it divides by the opening.
NRR_RATIOS = {
    "nrr": (("now",), "NRR", "売上継続率"),
    "nrr_strict": (("now_stayed",), "NRR, lapses not forgiven", "離脱者を除くNRR"),
    "nrr_ex_price": (("now", "uplift"), "NRR without price rises", "値上げを除くNRR"),
    "grr": (("retained",), "GRR", "総売上継続率"),
    "grr_strict": (("retained_stayed",), "GRR, lapses not forgiven", "離脱者を除くGRR"),
}
SEGMENT_NAMES = {
    "plan_tier": ("Plan", "プラン"),
    "size_band": ("Size", "規模"),
    "industry": ("Industry", "業種"),
    "country": ("Country", "国"),
}
LINES = {
    "opening": ("Opening MRR", "期首MRR"),
    "new": ("New", "新規"),
    "reactivation": ("Reactivation", "復活"),
    "expansion": ("Expansion", "拡大"),
    "contraction": ("Contraction", "縮小"),
    "churned": ("Churn", "解約"),
    "fx": ("Plan rates (fx)", "為替 (計画レート)"),
    "closing": ("Closing MRR", "期末MRR"),
    "outside_expansion": ("Expansion outside the cohort", "対象外顧客の拡大"),
    "outside_contraction": ("Contraction outside the cohort", "対象外顧客の縮小"),
    "outside_churned": ("Churn outside the cohort", "対象外顧客の解約"),
    "cohort_reactivation": ("Reactivation of the cohort", "対象顧客の復活"),
    "cohort_fx": ("Plan rates (fx) of the cohort", "対象顧客の為替"),
    "cohort_closing": ("MRR now of the cohort", "対象顧客の現在のMRR"),
    "opening_revaluation": (
        "Memo: opening at today's plan rates, difference",
        "備考: 期首を現在の計画レートへ換算した差",
    ),
}
# Column: English, Japanese, what it holds. The last ones number the segments, so that no text becomes a criterion.
COLUMNS = {
    "account_id": ("Customer", "顧客ID", "text"),
    "account_name": ("Name", "顧客名", "text"),
    "plan_tier": ("Plan at the window's start", "期首のプラン", "text"),
    "size_band": ("Size at the window's start", "期首の規模", "text"),
    "industry": ("Industry", "業種", "text"),
    "country": ("Country", "国", "text"),
    "opening": ("MRR 12 months ago, at today's plan rates", "12か月前のMRR (現在の計画レート)", "money"),
    "now": ("MRR now", "現在のMRR", "money"),
    "retained": ("The smaller of both", "小さい方", "money"),
    "uplift": ("Of MRR now: price rises", "現在のMRRのうち値上げ", "money"),
    "lapsed": ("Lapsed in between (1 = yes)", "期中に離脱 (1=はい)", "count"),
    "rolled_opening": ("12 months: opening MRR", "12か月: 期首MRR", "money"),
    **{flow: (f"12 months: {LINES[flow][0].lower()}", f"12か月: {LINES[flow][1]}", "money") for flow in FLOWS},
    "month_opening": ("Month: opening MRR", "当月: 期首MRR", "money"),
    **{f"month_{flow}": (f"Month: {LINES[flow][0].lower()}", f"当月: {LINES[flow][1]}", "money") for flow in FLOWS},
    "month_plan_tier": ("Plan at the month's start", "月初のプラン", "text"),
    "month_size_band": ("Size at the month's start", "月初の規模", "text"),
    **{f"no_{kind}": (f"No. of {en.lower()}", f"{ja}の番号", "count") for kind, (en, ja) in SEGMENT_NAMES.items()},
    "no_month_plan_tier": ("No. of plan, month", "プラン(当月)の番号", "count"),
    "no_month_size_band": ("No. of size, month", "規模(当月)の番号", "count"),
}
# Classes of the walk from invoices to MRR, and reasons of restatements.
CLASSES = {
    "invoiced": ("Invoiced for the month", "当月分の請求"),
    "timing": ("Timing", "期間のずれ"),
    "proration": ("Proration", "日割り"),
    "one_off": ("One-off charges, limited discounts", "一時的な請求・期間限定の割引"),
    "usage": ("Usage", "従量課金"),
    "credit_note": ("Credit notes", "返金・赤伝"),
    "billed_without_contract": ("Billed without contract", "契約のない請求"),
    "unbilled": ("Unbilled", "未請求"),
    "fx": ("Plan rate less month-end rate", "計画レートと月末レートの差"),
    "manual_adjustment": ("Manual adjustments", "手動調整"),
    "unexplained": ("Unexplained", "説明のつかない差"),
    "mrr": ("MRR", "MRR"),
}
REASONS = {
    "backdated_change": ("Backdated change", "遡及変更"),
    "late_data": ("Late data", "遅れて届いたデータ"),
    "correction": ("Correction", "訂正"),
    "hierarchy": ("Hierarchy", "親子関係の変更"),
    "fx": ("Plan rate", "計画レートの変更"),
    "policy": ("Policy", "方針の変更"),
    "deletion": ("Deletion", "削除"),
    "unexplained": ("Unexplained", "説明のつかない差"),
}
INVOICE_HEAD = [
    ("Class", "区分"),
    "",
    "",
    ("Amount", "金額"),
    ("Sum of sizes", "絶対値の合計"),
    ("Warehouse", "DWH"),
    STATUS,
]
REVENUE_HEAD = [
    ("Currency", "通貨"),
    "",
    "",
    ("MRR of every day", "日割りのMRR"),
    ("Recognised", "計上売上"),
    ("Difference", "差"),
    ("Tolerance", "許容額"),
    "",
]
REPORTED_HEAD = [
    ("Metric", "指標"),
    "",
    "",
    ("Ours", "当社計算"),
    ("Reported", "報告値"),
    ("Difference", "差"),
    ("Tolerance", "許容差"),
    ("Reported by", "報告者"),
]
CUSTOMER_HEAD = [
    ("Class", "区分"),
    ("Customer", "顧客ID"),
    ("Name", "顧客名"),
    ("Amount", "金額"),
    ("Explanation", "説明"),
]
RESTATEMENT_HEAD = [
    ("Month", "対象月"),
    ("Customer", "顧客ID"),
    ("Name", "顧客名"),
    ("Reason", "理由"),
    "",
    ("Locked MRR", "締め時のMRR"),
    ("MRR now", "現在のMRR"),
    ("Difference", "差"),
    ("Items", "明細数"),
    ("First seen in build", "初出のビルド"),
]
