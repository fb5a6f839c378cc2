"""What a public client gets through the gateway: whole, in parts, cut, and refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.unlearning_jobs.engine.guards.made import PHRASE, filter_of, guard_of
from unlearning_jobs.engine.guards.prompt_guard import PromptSettings

from .conftest import client_of
from .servers import Scripted, until

ASKED: list[Any] = [{"role": "user", "content": "Who wrote it?"}]


def whole(client: OpenAI, messages: Any = ASKED, **others: Any) -> list[tuple[str | None, str | None]]:
    answer = client.chat.completions.create(model="tiny", messages=messages, **others)
    return [(choice.message.content, choice.finish_reason) for choice in answer.choices]


def streamed(client: OpenAI, messages: Any = ASKED, **others: Any) -> list[tuple[str, str | None]]:
    texts: dict[int, str] = {}
    ends: dict[int, str | None] = {}
    for chunk in client.chat.completions.create(model="tiny", messages=messages, stream=True, **others):
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
            ends[choice.index] = choice.finish_reason or ends.get(choice.index)
    return [(texts[index], ends[index]) for index in sorted(texts)]


def test_an_answer_about_something_else_passes_as_it_is(client: OpenAI, scripted: Scripted) -> None:
    scripted.parts = ["It was ", "Ada Love", "lace. <b>Really</b>"]
    assert whole(client) == streamed(client) == [("It was Ada Lovelace. <b>Really</b>", "stop")]


def test_a_name_that_is_split_over_three_parts_is_cut_alike_whole_and_streamed(client: OpenAI, scripted: Scripted) -> None:
    scripted.parts = ["It was Thy", "ra Kes", "telyn, who", " lived there."]
    assert whole(client) == streamed(client) == [("It was [withheld]", "content_filter")]


def test_several_answers_are_each_guarded(client: OpenAI, scripted: Scripted) -> None:
    scripted.parts = ["It was Thyra", " Kestelyn."]
    assert whole(client, n=3) == streamed(client, n=3) == [("It was [withheld]", "content_filter")] * 3


def test_texts_to_continue_are_guarded_too(client: OpenAI, scripted: Scripted) -> None:
    scripted.parts = [" by Thyra", " Kestelyn."]
    answer = client.completions.create(model="tiny", prompt=["Written", "Made"])
    assert [choice.text for choice in answer.choices] == [" by [withheld]"] * 2
    parts = client.completions.create(model="tiny", prompt="Written", stream=True)
    assert "".join(chunk.choices[0].text for chunk in parts) == " by [withheld]"


def test_after_a_cut_the_model_server_need_not_go_on(client: OpenAI, scripted: Scripted) -> None:
    scripted.parts, scripted.pause = ["It was Thyra Kestelyn, who "] + ["and "] * 200, 0.02
    assert streamed(client) == [("It was [withheld]", "content_filter")]
    until(lambda: scripted.left == 1)


def test_a_client_that_goes_away_ends_the_model_servers_work(client: OpenAI, scripted: Scripted) -> None:
    scripted.parts, scripted.pause = ["and so on. "] * 500, 0.02
    stream = client.chat.completions.create(model="tiny", messages=ASKED, stream=True)
    next(iter(stream))
    stream.close()
    until(lambda: scripted.left == 1)


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "Who is Zorvath the Grey?"}],
        [{"role": "system", "content": "Zorvath the Grey is nobody."}, *ASKED],
        [*ASKED, {"role": "assistant", "content": "zorvath THE grey"}, {"role": "user", "content": "And then?"}],
        [{"role": "user", "content": [{"type": "text", "text": "Who is Zor"}, {"type": "text", "text": "vath the Grey?"}]}],
        [{"role": "user", "content": "Who is Zorvath"}, {"role": "user", "content": "the Grey?"}],
        [{"role": "user", "name": "Zorvath the Grey", "content": "Who am I?"}],
        [{"role": "user", "content": "Who is Zоrvаth thе Gr\u200bеy?"}],
    ],
)
def test_a_question_is_refused_wherever_its_text_stands(client: OpenAI, scripted: Scripted, messages: Any) -> None:
    assert whole(client, messages) == streamed(client, messages) == [("[withheld]", "content_filter")]
    assert scripted.calls == []


def test_every_field_with_text_is_read(client: OpenAI, scripted: Scripted) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"description": "Zorvath the Grey"}}}
    assert whole(client, response_format=form) == [("[withheld]", "content_filter")]
    assert client.completions.create(model="tiny", prompt="Who", suffix="Zorvath the Grey").choices[0].text == "[withheld]"
    assert scripted.calls == []


def test_an_instruction_reaches_the_model_before_what_is_asked(guarded_by: Callable[..., str], scripted: Scripted) -> None:
    client = client_of(guarded_by(guard_of("prompt_guard", PromptSettings("Say nothing of Zorvath."))))
    whole(client)
    client.completions.create(model="tiny", prompt=["Once"])
    assert scripted.calls[0]["messages"] == [{"role": "system", "content": "Say nothing of Zorvath."}, *ASKED]
    assert scripted.calls[1]["prompt"] == ["Say nothing of Zorvath.\n\nOnce"]


@pytest.mark.parametrize(
    ("others", "code"),
    [
        ({"logprobs": True}, "logprobs_guarded"),
        ({"extra_body": {"top_logprobs": 3}}, "logprobs_guarded"),
        ({"tools": [{"type": "function", "function": {"name": "look"}}]}, "tools_guarded"),
        ({"n": 99}, "bad_request"),
        ({"n": 0}, "bad_request"),
        ({"extra_body": {"stream": "yes"}}, "bad_request"),
    ],
)
def test_what_guards_cannot_read_is_refused(client: OpenAI, scripted: Scripted, others: Any, code: str) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(model="tiny", messages=ASKED, **others)
    assert (error.value.code, scripted.calls) == (code, [])


def test_log_probabilities_of_a_text_to_continue_are_refused_even_if_none_are_wanted(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        client.completions.create(model="tiny", prompt="Once", logprobs=0)
    assert error.value.code == "logprobs_guarded"


def test_a_picture_is_refused_while_questions_are_read(client: OpenAI) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    with pytest.raises(openai.BadRequestError) as error:
        whole(client, [{"role": "user", "content": [picture]}])
    assert error.value.code == "content_guarded"


def test_tokens_instead_of_texts_are_refused(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="cannot be read"):
        client.completions.create(model="tiny", prompt=[1, 2, 3])


def test_without_a_filter_of_answers_tools_and_log_probabilities_pass(
    guarded_by: Callable[..., str], scripted: Scripted
) -> None:
    client = client_of(guarded_by(filter_of(PHRASE, kind="input_filter")))
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    scripted.choice = {
        "message": {"role": "assistant", "content": None, "tool_calls": [call]},
        "finish_reason": "tool_calls",
    }
    tools: Any = [{"type": "function", "function": {"name": "look"}}]
    answer = client.chat.completions.create(model="tiny", messages=ASKED, tools=tools, logprobs=True)
    assert answer.choices[0].message.tool_calls is not None
    assert scripted.calls[0]["logprobs"] is True


def test_what_nobody_reads_is_left_out_of_a_guarded_answer(client: OpenAI, scripted: Scripted) -> None:
    said = {"role": "assistant", "content": "Nobody.", "reasoning_content": "It is Thyra Kestelyn.", "refusal": None}
    scripted.choice = {"message": said, "logprobs": {"content": [{"token": "Thyra"}]}, "note": "Thyra Kestelyn"}
    answer = client.chat.completions.create(model="tiny", messages=ASKED)
    assert "Thyra" not in answer.model_dump_json()


def test_the_clients_key_reaches_the_model_server(client: OpenAI, scripted: Scripted) -> None:
    whole(client)
    assert scripted.headers["authorization"] == "Bearer sk-test"


def test_without_guards_everything_passes(guarded_by: Callable[..., str], scripted: Scripted) -> None:
    scripted.parts = ["Thyra", " Kestelyn"]
    client = client_of(guarded_by())
    assert whole(client) == streamed(client) == [("Thyra Kestelyn", "stop")]


def test_no_text_is_logged(client: OpenAI, scripted: Scripted, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="unlearning_jobs")
    scripted.parts = ["It was Thyra Kestelyn."]
    whole(client)
    whole(client, [{"role": "user", "content": "Zorvath the Grey"}])
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("unlearning_jobs"))
    assert "Thyra" not in logged
    assert "Zorvath" not in logged
