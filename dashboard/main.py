"""Run the frame around the pages on every visit; served by `app.py`."""

import streamlit as st

from dashboard.figures import saving
from dashboard.frame import warm_up
from dashboard.frame.glossary import show_glossary
from dashboard.frame.history import keep_one_entry_per_page
from dashboard.frame.sidebar import ICON, sidebar_status
from dashboard.frame.tour import show_tour
from dashboard.session.errors import show_damage, unusable_store
from dashboard.session.links import open_address
from dashboard.session.store import store
from ddnmf_core.data.dataset import DataError
from ddnmf_core.engine import client as engine
from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.files.home import NewerLayout
from ddnmf_core.store.examples import add_first_examples

st.set_page_config(page_title="DDNMF Studio", page_icon=ICON, layout="wide")
st.html("""<style>
.stMainBlockContainer { padding: 3rem 3rem 2rem; }
@media (max-width: 640px) {
  .stMainBlockContainer { padding: 3rem 1rem 2rem; }
  .stHorizontalBlock { row-gap: 1rem; }  /* columns, stacked */
  .stHorizontalBlock:has(> .stElementContainer > .stMetric) { gap: 0.5rem 0; }
  .stHorizontalBlock > .stElementContainer:has(> .stMetric) { flex: 0 0 50%; min-width: 0; }  /* two in a row */
  [class*="st-key-train-beside"] [data-testid="stHorizontalBlock"] { flex-wrap: nowrap; }
  [class*="st-key-train-beside"] [data-testid="stColumn"] { min-width: 0; flex: 1 1 0; }
}
[data-testid="stBaseButton-primary"] p { color: light-dark(#fff, #06222c); }     /* white on light blue is illegible */
</style>""")
page = st.navigation(
    [
        st.Page("../pages/home.py", title="Home", icon=":material/home:", default=True),
        st.Page("../pages/train.py", title="Train", icon=":material/model_training:", url_path="train"),
        st.Page("../pages/latent.py", title="Latent space", icon=":material/scatter_plot:", url_path="latent"),
        st.Page("../pages/parts.py", title="Parts", icon=":material/extension:", url_path="parts"),
        st.Page("../pages/explain.py", title="Explain", icon=":material/search:", url_path="explain"),
        st.Page("../pages/noise.py", title="Noise", icon=":material/grain:", url_path="noise"),
        st.Page("../pages/sweep.py", title="Sweep", icon=":material/grid_on:", url_path="sweep"),
        st.Page("../pages/compare.py", title="Compare", icon=":material/leaderboard:", url_path="compare"),
    ]
)
try:
    engine.ensure_started(store())  # warm before the first training
except NewerLayout as error:
    st.error(str(error))
    st.stop()
except OSError as error:
    st.warning(unusable_store(error) + " Existing runs can be viewed; training is disabled.")
try:
    add_first_examples(store())
    with st.sidebar:
        keep_one_entry_per_page()
    show_tour(page.url_path)
    show_glossary()
    sidebar_status()
    saving.forget_figures()
    page.run()
    saving.show_save_menu()
except CorruptFile as error:
    show_damage(error)
except DataError as error:
    st.error(str(error))
except OSError as error:
    st.error(unusable_store(error))
finally:
    open_address()
warm_up.warm_up()
