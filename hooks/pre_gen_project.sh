#!/bin/sh
# Refuse, before anything is written, what was not refused with the questions. All is done while this file is
# rendered, and a shell that finds nothing to do takes 1 ms where Python takes 11.
# << _cookiecutter | check_given >><< cookiecutter | check_answers >><< cookiecutter | check_folder >>
