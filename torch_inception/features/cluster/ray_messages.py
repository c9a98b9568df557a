"""What Ray says when something does not work, and the line that a user is told for it."""

import re


def advice(said: str, *, waited: float | None = None) -> str:
    """Return why a cluster cannot be connected to, and what to do.

    Args:
        said: by Ray; it may have many lines.
        waited: seconds after which it was given up; None where it failed by itself.
    """
    if "Could not find any running" in said:
        return "no cluster runs on this machine. Start one with `ray start`, or use local."
    if "ersion mismatch" in said:
        found = re.findall(r"Ray: (\S+)\s+Python: (\S+)", said.rpartition("ersion mismatch")[2])
        versions = ", and here ".join(f"Ray {ray} and Python {python}" for ray, python in found)
        return f"it has other versions: {versions}. Install the same on all machines."
    # Ray tries again and again without one, so this may be all that it has said when it is late.
    if re.search(r"\b[Tt]oken", said) or "nauthenticated" in said:
        return (
            "it wants a token, and was given none, or another. Set RAY_AUTH_MODE=token, and copy "
            "the file ~/.ray/auth_token of the cluster to this machine, or set RAY_AUTH_TOKEN."
        )
    if waited is not None:
        return (
            f"what runs there has not answered as a Ray cluster in {waited:.0f} s. Give the "
            "address that `ray start --head` has printed."
        )
    return f"{cause(said)}."


def cause(said: str) -> str:
    """Return the line of what Ray says that tells what went wrong, here or on another machine.

    That is the first one that begins with the name of an error, of one that is not Ray's own if
    there is such a line. Without any, it is the last line of a traceback, or the first of all else.
    """
    lines = [line for line in map(str.strip, _plain(said).splitlines()) if line]
    if not lines:
        return "it does not say why"
    named = [line for line in lines if re.match(r"[\w.]*(Error|Exception)(: |$)", line)]
    named.sort(key=lambda line: line.startswith("ray."))
    is_traceback = lines[0].startswith("ray::")
    return (named or [lines[-1 if is_traceback else 0]])[0].rstrip(".")


def _plain(said: str) -> str:
    """Return a text without the colours of a terminal."""
    return re.sub(r"\x1b\[[\d;]*m", "", said)
