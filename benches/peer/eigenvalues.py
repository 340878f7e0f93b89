"""Eigenvalues to 50 digits of the small matrices that benches/eigensolver.rs prints: eigenvalues.json beside this file."""

import json
import pathlib
import sys

import mpmath

mpmath.mp.dps = 70
references = json.load(sys.stdin)
for reference in references:
    n, entries = reference["n"], reference["entries"]
    matrix = mpmath.matrix(n, n)
    for k, entry in enumerate(entries):
        matrix[k % n, k // n] = mpmath.mpf(entry)
    values = sorted(mpmath.eigsy(matrix, eigvals_only=True))
    reference["eigenvalues"] = [mpmath.nstr(value, 50) for value in values]
text = ",\n".join(json.dumps(reference) for reference in references)
pathlib.Path(__file__).with_name("eigenvalues.json").write_text(f"[{text}]\n")
