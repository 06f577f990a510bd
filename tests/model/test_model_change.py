"""The lifecycle of a change, compared with its rules written a second time."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support.effort import examples

from tui.model.change import OPEN_STATES, Action, IllegalTransitionError, State, Transition, next_state
from tui.model.contact import ContactStatus

OVER = frozenset({State.CONFIRMED, State.REFUSED, State.CANCELLED, State.DISMISSED})

# The states that may follow each state, whatever the transition.
FOLLOWS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset(
        {State.SENDING, State.AWAITING_USER, State.CANCELLED, State.CONFIRMED, State.REFUSED}
    ),
    State.SENDING: frozenset(
        {State.CONFIRMED, State.REFUSED, State.AWAITING_USER, State.UNKNOWN, State.QUEUED}
    ),
    State.UNKNOWN: frozenset({State.CONFIRMED, State.REFUSED, State.AWAITING_USER, State.QUEUED}),
    State.AWAITING_USER: frozenset({State.CONFIRMED, State.REFUSED, State.DISMISSED}),
    **dict.fromkeys(OVER, frozenset()),
}


def legal_events(state: State) -> list[Transition]:
    def is_legal(event: Transition) -> bool:
        try:
            next_state(state, event)
        except IllegalTransitionError:
            return False
        return True

    return [event for event in Transition if is_legal(event)]


class Lifecycle(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.state = State.QUEUED
        self.history = [State.QUEUED]

    @rule(event=st.sampled_from(Transition))
    def anything_happens(self, event: Transition) -> None:
        before = self.state
        if event not in legal_events(before):
            with pytest.raises(IllegalTransitionError, match=f"{event.value}.* is {before.value}"):
                next_state(before, event)
            return
        after = next_state(before, event)
        assert after in FOLLOWS[before]
        self.state = after
        self.history.append(after)

    @precondition(lambda self: self.state in OPEN_STATES)
    @rule(data=st.data())
    def something_legal_happens(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(legal_events(self.state)))
        self.anything_happens(event)

    @invariant()
    def open_says_whether_anything_can_follow(self) -> None:
        assert self.state.is_open is bool(legal_events(self.state))

    @invariant()
    def the_end_is_the_end(self) -> None:
        assert not OVER.intersection(self.history[:-1])

    @invariant()
    def only_what_never_left_is_cancelled(self) -> None:
        if self.state is State.CANCELLED:
            assert self.history[-2] is State.QUEUED

    @invariant()
    def doubt_follows_only_sending(self) -> None:
        for before, after in zip(self.history, self.history[1:], strict=False):
            assert after is not State.UNKNOWN or before is State.SENDING


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(
    max_examples=examples(60),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_every_state_is_either_open_or_final() -> None:
    assert set(State) == OPEN_STATES | OVER
    assert not OPEN_STATES & OVER


def test_every_state_can_be_reached() -> None:
    reached, new = {State.QUEUED}, {State.QUEUED}
    while new:
        new = {next_state(state, event) for state in new for event in legal_events(state)} - reached
        reached |= new
    assert reached == set(State)


@pytest.mark.parametrize("state", sorted(OPEN_STATES))
def test_every_open_change_can_still_be_confirmed_and_refused(state: State) -> None:
    assert next_state(state, Transition.CONFIRM) is State.CONFIRMED
    assert next_state(state, Transition.REFUSE) is State.REFUSED


def test_an_unknown_change_is_never_sent_without_being_read_again() -> None:
    with pytest.raises(IllegalTransitionError):
        next_state(State.UNKNOWN, Transition.SEND)


def test_each_action_aims_at_the_status_that_shows_it() -> None:
    assert {action: action.target_status for action in Action} == {
        Action.ARCHIVE: ContactStatus.ARCHIVED,
        Action.RESTORE: ContactStatus.ACTIVE,
    }
