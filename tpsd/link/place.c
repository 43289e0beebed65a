/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/place.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "tpsd/link/answer.h"
#include "tpsd/link/line.h"

enum { PLACE_VERSION = 1 };

static json_t *epoch_text(uint64_t epoch)
{
	return json_sprintf("%016" PRIx64, epoch);
}

int place_write(const struct reader_place *place, const struct place_owner *owner, struct buf *out)
{
	char pin[2 * REMOTE_PIN + 1], *text;
	json_t *over = json_array(), *value;
	int rc = SL_ENOMEM;

	for (size_t i = 0; i < place->over_count; i++)
		(void)json_array_append_new(over, epoch_text(place->over[i]));
	value = json_pack("{s:i, s:s, s:s, s:o, s:I, s:o}", "version", PLACE_VERSION, "pin",
	                  hex_text(owner->pin, REMOTE_PIN, pin), "name", owner->name, "epoch",
	                  epoch_text(place->epoch), "next", (json_int_t)place->next, "over", over);
	text = value ? json_dumps(value, JSON_COMPACT) : NULL;
	if (text)
		rc = buf_printf(out, "%s\n", text);
	free(text);
	json_decref(value);
	return rc;
}

static bool read_epoch(const json_t *value, uint64_t *ret_epoch)
{
	const char *text = json_string_value(value);

	return text && line_epoch_read(text, strlen(text), ret_epoch);
}

static bool read_over(const json_t *list, struct reader_place *place)
{
	const json_t *one;
	size_t i;

	place->over_count = json_array_size(list);
	if (place->over_count > READER_EPOCHS_KEPT)
		return false;
	json_array_foreach(list, i, one)
	{
		if (!read_epoch(one, &place->over[i]))
			return false;
	}
	return true;
}

int place_read(const void *text, size_t len, const struct place_owner *owner,
               struct reader_place *ret_place)
{
	json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL), *epoch, *over;
	struct reader_place place = {.known = true};
	char ours[2 * REMOTE_PIN + 1];
	const char *pin, *name;
	json_int_t next;
	int version;
	int rc = json_unpack(value, "{s:i, s:s, s:s, s:o, s:I, s:o}", "version", &version, "pin",
	                     &pin, "name", &name, "epoch", &epoch, "next", &next, "over",
	                     &over) == 0 &&
	                         version == PLACE_VERSION && next >= 0 &&
	                         next >> LINE_SEQ_BITS == 0 && read_epoch(epoch, &place.epoch) &&
	                         json_is_array(over) && read_over(over, &place)
	                 ? 0
	                 : SL_EMALFORMED;

	place.next = rc == 0 ? (uint64_t)next : 0;
	if (rc == 0 && (strcmp(pin, hex_text(owner->pin, REMOTE_PIN, ours)) != 0 ||
	                strcmp(name, owner->name) != 0))
		rc = SL_ENOENT;
	json_decref(value);
	if (rc == 0)
		*ret_place = place;
	return rc;
}
