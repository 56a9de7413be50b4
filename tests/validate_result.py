#!/usr/bin/python3
"""Checks JSON results against a schema: validate_result.py SCHEMA FILE...

Prints one line for each violation and exits 1 when there was any.
"""

import json
import sys

from jsonschema import Draft202012Validator


def reject_constant(name):
    raise ValueError(f"{name} is not JSON")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file, parse_constant=reject_constant)


def violations(validator, path):
    try:
        document = load(path)
    except (OSError, ValueError) as error:
        return [str(error)]
    errors = sorted(validator.iter_errors(document), key=lambda error: error.json_path)
    return [f"{error.json_path}: {error.message}" for error in errors]


def main(arguments):
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    schema = load(arguments[0])
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    found = 0
    for path in arguments[1:]:
        for violation in violations(validator, path):
            print(f"{path}: {' '.join(violation.split())}")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
