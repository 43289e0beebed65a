/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/record.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "tpsd/link/answer.h"

enum { RECORD_VERSION = 1 };

int record_write(const struct record *r, struct buf *out)
{
	char pin[65], sha256[65], licence[65], *text;
	json_t *value = json_pack(
	        "{s:i, s:s, s:i, s:s, s:s, s:b, s:I, s:s, s:s, s:b, s:s, s:I, s:I, s:I, s:I, s:I, "
	        "s:s}",
	        "version", RECORD_VERSION, "address", r->address, "port", (int)r->port, "pin",
	        hex_text(r->pin, 32, pin), "name", r->name, "revoked", r->revoked, "revision",
	        (json_int_t)r->revision, "state", remote_state_name(r->state), "text", r->text,
	        "told", r->told, "sha256", hex_text(r->sha256, 32, sha256), "commit_ms",
	        (json_int_t)r->commit_ms, "prove_ms", (json_int_t)r->prove_ms, "failures_before",
	        (json_int_t)r->failures_before, "window_ms", (json_int_t)r->window_ms,
	        "failures_commit", (json_int_t)r->failures_commit, "licence",
	        hex_text(r->licence, 32, licence));
	int rc = SL_ENOMEM;

	text = value ? json_dumps(value, JSON_INDENT(2)) : NULL;
	if (text)
		rc = buf_printf(out, "%s\n", text);
	free(text);
	json_decref(value);
	return rc;
}

static bool copy(char *to, size_t size, const char *from)
{
	return (size_t)snprintf(to, size, "%s", from) < size;
}

int record_read(const void *text, size_t len, struct record *ret_record)
{
	const char *address, *pin, *name, *state, *why, *sha256, *licence = NULL;
	json_int_t revision, commit_ms, prove_ms, failures, window_ms, at_commit;
	int version, port, revoked, told;
	struct record r = {.state = REMOTE_STATE_CONFIRMED};
	json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	bool good = json_unpack(value,
	                        "{s:i, s:s, s:i, s:s, s:s, s:b, s:I, s:s, s:s, s:b, s:s, s:I, s:I, "
	                        "s:I, s:I, s:I, s?s}",
	                        "version", &version, "address", &address, "port", &port, "pin",
	                        &pin, "name", &name, "revoked", &revoked, "revision", &revision,
	                        "state", &state, "text", &why, "told", &told, "sha256", &sha256,
	                        "commit_ms", &commit_ms, "prove_ms", &prove_ms, "failures_before",
	                        &failures, "window_ms", &window_ms, "failures_commit", &at_commit,
	                        "licence", &licence) == 0;

	good = good && version == RECORD_VERSION && port > 0 && port <= UINT16_MAX &&
	       revision >= 0 && revision <= UINT32_MAX && commit_ms >= 0 && prove_ms >= 0 &&
	       failures >= 0 && window_ms >= 0 && at_commit >= 0 &&
	       copy(r.address, sizeof(r.address), address) && copy(r.name, sizeof(r.name), name) &&
	       copy(r.text, sizeof(r.text), why) && answer_unhex(pin, r.pin, 32) &&
	       answer_unhex(sha256, r.sha256, 32) &&
	       (!licence || answer_unhex(licence, r.licence, 32)) &&
	       remote_state_parse(state, &r.state) == 0;
	if (good) {
		r.port = (uint16_t)port;
		r.revoked = revoked;
		r.told = told;
		r.revision = (uint32_t)revision;
		r.commit_ms = (uint64_t)commit_ms;
		r.prove_ms = (uint64_t)prove_ms;
		r.failures_before = (uint64_t)failures;
		r.window_ms = (uint64_t)window_ms;
		r.failures_commit = (uint64_t)at_commit;
		*ret_record = r;
	}
	json_decref(value);
	return good ? 0 : SL_EMALFORMED;
}
