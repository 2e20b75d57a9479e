"""Refuse what the questions did not, before anything is written: a replay file's answers, a folder in use.

All is done while this file is rendered; what is left to run is nothing.
"""
# << _cookiecutter | check_given >><< cookiecutter | check_answers >><< cookiecutter | check_folder >>
