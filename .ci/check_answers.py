"""Read predict's JSON lines; fail unless at least 90 % of the pictures have the label expected."""

import json
import sys

answers = [json.loads(line) for line in sys.stdin]
right = sum(answer["predictions"][0]["label"] == sys.argv[1] for answer in answers)
sys.stdout.write(f"{right} of {len(answers)} pictures named {sys.argv[1]}\n")
sys.exit(0 if answers and right >= 0.9 * len(answers) else 1)
