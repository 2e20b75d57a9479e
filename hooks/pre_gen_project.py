"""Before anything is written, refuse what the questions could not: a bad replay file, a folder with files.

<< cookiecutter | check_answers >><< cookiecutter | check_folder >>
"""
