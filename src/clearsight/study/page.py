"""The two pages of a study: who comes in, and pictures to put in order. They need nothing from elsewhere."""

from __future__ import annotations

from html import escape

__all__ = ["finished", "refused", "trial", "welcome"]

_STYLE = """
:root { color-scheme: dark; }
body { font: 17px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 104rem;
  background: #777; color: #fff; }
main { background: #333; border-radius: .5rem; padding: 1rem 1.5rem; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; }
button { font: inherit; color: inherit; background: #111; border: 1px solid #aaa; border-radius: .4rem;
  padding: .5rem 1.25rem; cursor: pointer; }
button:focus-visible { outline: 3px solid #9cf; outline-offset: 2px; }
button:disabled { color: #999; border-color: #666; cursor: default; }
progress { width: 12rem; max-width: 50%; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: 1rem;
  margin: 1rem 0; }
.pictures button { padding: .5rem; background: #777; display: flex; flex-direction: column; align-items: center; }
.pictures img { max-width: 100%; height: auto; display: block; }
.pictures span { margin-top: .5rem; background: #111; border-radius: .4rem; padding: .1rem .8rem; }
.pictures [aria-pressed=true] { border-color: #fff; background: #555; }
.end { display: flex; gap: 1rem; align-items: center; flex-wrap: wrap; }
"""

_SCRIPT = """
const places = ["1st", "2nd", "3rd"], picked = [];
const buttons = [...document.querySelectorAll(".pictures button")];
const [send, again, said] = ["send", "again", "said"].map(id => document.getElementById(id));
function show() {
  buttons.forEach((button, i) => {
    const at = picked.indexOf(i), place = at < 0 ? "" : places[at] || `${at + 1}th`;
    button.setAttribute("aria-pressed", at >= 0);
    button.querySelector("b").textContent = place && `: ${place}`;
  });
  send.disabled = picked.length < buttons.length;
  again.disabled = !picked.length;
  said.textContent = send.disabled ? `${buttons.length - picked.length} left to pick` : "All are in order";
  document.getElementById("order").value = picked.join();
}
buttons.forEach((button, i) => button.onclick = () => {
  const at = picked.indexOf(i);
  at < 0 ? picked.push(i) : picked.splice(at, 1);
  show();
});
again.onclick = () => { picked.length = 0; show(); };
show();
"""


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1>{body}</main></body></html>"
    )


def welcome(trials: int, pictures: int) -> str:
    """What a rater is asked for."""
    return _page(
        "Which looks best?",
        f"<p>You will see {trials} pages. Each has {pictures} pictures of the same thing. Pick them in order: "
        "first the one that looks best to you, last the one that looks worst. No answer is wrong. Take your time.</p>"
        "<p>You can stop at any time: the address of the page that you are on, or this browser, goes on from there.</p>"
        '<form method="post" action="/raters"><button autofocus>Begin</button></form>',
    )


def trial(number: int, total: int, files: list[str]) -> str:
    """One page to rate, its pictures by the names of their files, from left to right."""
    pictures = "".join(
        f'<button type="button" aria-pressed="false"><img src="/pictures/{escape(file)}" alt="">'
        f"<span>Picture {chr(65 + i)}<b></b></span></button>"
        for i, file in enumerate(files)
    )
    return _page(
        "Pick the best first, the worst last",
        f'<label>Page {number + 1} of {total} <progress value="{number}" max="{total}"></progress></label>'
        f'<div class="pictures">{pictures}</div>'
        f'<form method="post" class="end"><input type="hidden" name="trial" value="{number}">'
        '<input type="hidden" name="order" id="order"><button id="send" disabled>Next</button>'
        '<button type="button" id="again" disabled>Start over</button><span id="said" role="status"></span></form>'
        f"<script>{_SCRIPT}</script>",
    )


def finished(total: int) -> str:
    """When nothing is left."""
    return _page("Thank you!", f"<p>All {total} pages are done. You can close this window.</p>")


def refused(sentence: str) -> str:
    """What went wrong, in one sentence."""
    return _page("This did not work", f'<p>{escape(sentence)}</p><p><a href="/">To the beginning</a></p>')
