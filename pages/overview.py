"""Overview: what is loaded, what is missing, what to do next."""

from pages.components.home.overview import show_overview
from pages.components.home.welcome import show_welcome
from pages.components.navigation import through_app
from pages.components.workspaces import current, known_workspaces

through_app()
if known_workspaces():
    show_overview(current())
else:
    show_welcome()
