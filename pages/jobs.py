"""Jobs: long work in the background, how far it is, what it said; and what takes the disk."""

import streamlit as st

from pages.components.jobs.disk_panel import show_disk_use
from pages.components.jobs.job_list import show_jobs
from pages.components.navigation import through_app
from pages.components.workspaces import current_path, opened

through_app()
st.title("Jobs")
show_jobs()
path = current_path()
if path is not None:
    show_disk_use(opened(path))
