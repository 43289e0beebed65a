/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What devices report that is an alert: their system events by the words that tpsd has for it, and
 * the gaps in what came. Heard of a batch before it is answered, so that none is left out; a batch
 * that comes again says nothing new. What one device can raise is bounded, since it may say
 * anything.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/alert/alert_priv.h"
#include "smsd/base/moment.h"
#include "smsd/store/event_day.h"

enum { NOTES_MAX = 64, PART_MAX = 128 };

/* Of one batch: what is so, or no more, by now. */
struct note {
	enum alert_name name;
	char part[PART_MAX];
	char text[ALERT_TEXT_MAX];
	bool over;
};

struct notes {
	const char *device;
	struct note list[NOTES_MAX];
	size_t count;
	int64_t now_ms;
};

/* ---- words of tpsd ----------------------------------------------------------------------- */

/* R152, tpsd/session/record.c; R145, tpsd/flow/limit.c and tpsd/session/decide.c. The part is what
 * stands between `begin` and `end`; `part` where nothing does. */
static const struct word {
	enum alert_name name;
	bool over;
	const char *begin, *end, *part;
} words[] = {
        {ALERT_OUT_OF_SYNC, false, "server mismatch: proxy ", ", name ", NULL},
        {ALERT_THRESHOLD_REACHED, false, "SSL Inspection reached Critical threshold of ", NULL,
         "sessions"},
        {ALERT_THRESHOLD_REACHED, true, "limit ", ": below the threshold again", NULL},
        {ALERT_THRESHOLD_REACHED, false, "limit ", " reached (", NULL},
};

static bool is_word(const struct word *word, const char *message, char ret_part[PART_MAX])
{
	size_t begin = strlen(word->begin);
	const char *end;

	if (strncmp(message, word->begin, begin) != 0)
		return false;
	if (!word->end) {
		(void)snprintf(ret_part, PART_MAX, "%s", word->part);
		return true;
	}
	end = strstr(message + begin, word->end);
	if (!end || end == message + begin || end - message - begin >= PART_MAX)
		return false;
	(void)snprintf(ret_part, PART_MAX, "%.*s", (int)(end - message - begin), message + begin);
	return true;
}

/* ---- notes ------------------------------------------------------------------------------- */

/* The last one of the same counts; more than there is room for are left to the next batch that says
 * them. */
static void add_note(struct notes *notes, const struct note *note)
{
	size_t i = 0;

	while (i < notes->count &&
	       (notes->list[i].name != note->name || strcmp(notes->list[i].part, note->part) != 0))
		i++;
	if (i == NOTES_MAX)
		return;
	notes->list[i] = *note;
	notes->count += i == notes->count;
}

static void note_message(struct notes *notes, const char *message)
{
	struct note note = {.over = false};

	for (size_t i = 0; i < SL_ARRAY_LEN(words); i++) {
		if (!is_word(&words[i], message, note.part))
			continue;
		note.name = words[i].name;
		note.over = words[i].over;
		(void)snprintf(note.text, sizeof(note.text), "%s: %s", notes->device, message);
		add_note(notes, &note);
		return;
	}
}

/* Most lines are sessions, which need not be read again. */
static bool may_matter(const struct event_record *record)
{
	return memmem(record->line, record->len, "threshold", 9) ||
	       memmem(record->line, record->len, "server mismatch", 15) ||
	       memmem(record->line, record->len, "limit ", 6) ||
	       memmem(record->line, record->len, "\"gap\"", 5);
}

static void note_record(struct notes *notes, const struct event_record *record)
{
	json_t *line = may_matter(record) ? json_loadb(record->line, record->len, 0, NULL) : NULL;
	const char *kind = json_string_value(json_object_get(line, "event_type"));
	const char *message = json_string_value(json_object_get(line, "message"));
	/* Gaps are the SMS's own, filed beside the device's. */
	bool own = strcmp(record->device, notes->device) != 0;
	struct note lost = {.name = ALERT_EVENTS_LOST};

	if (kind && message && own && strcmp(kind, "gap") == 0) {
		(void)snprintf(lost.text, sizeof(lost.text), "%s", message);
		add_note(notes, &lost);
	} else if (kind && message && !own && strcmp(kind, "system") == 0) {
		note_message(notes, message);
	}
	json_decref(line);
}

/* ---- the write --------------------------------------------------------------------------- */

static int take_number(void *arg, const struct store_row *row)
{
	*(int64_t *)arg = store_row_integer(row, 0);
	return 1;
}

static int raise_note(struct store_tx *tx, const struct notes *notes, const struct note *note)
{
	const char *name = alert_name_text(note->name);
	const struct store_value count[] = {store_text(name), store_text(notes->device)};
	const struct store_value add[] = {store_text(name),
	                                  store_text("device"),
	                                  store_text(notes->device),
	                                  store_text(note->part),
	                                  store_integer(1),
	                                  store_text(note->text),
	                                  store_integer(notes->now_ms)};
	const struct store_value heard[] = {store_text(name), store_text(notes->device),
	                                    store_text(note->part), store_integer(notes->now_ms)};
	int64_t open = 0;
	int rc = store_tx_run(tx, STORE_ALERT_COUNT, count, 2, take_number, &open);

	if (rc >= 0)
		rc = open < ALERT_DEVICE_OPEN_MAX
		             ? store_tx_run(tx, STORE_ALERT_ADD, add, SL_ARRAY_LEN(add), NULL, NULL)
		             : 0;
	return rc ? rc
	          : store_tx_run(tx, STORE_ALERT_HEARD, heard, SL_ARRAY_LEN(heard), NULL, NULL);
}

static int write_notes(void *arg, struct store_tx *tx)
{
	const struct notes *notes = arg;
	int rc = 0;

	for (size_t i = 0; i < notes->count && rc == 0; i++) {
		const struct note *note = &notes->list[i];
		const struct store_value over[] = {
		        store_text(alert_name_text(note->name)), store_text(notes->device),
		        store_text(note->part), store_integer(notes->now_ms)};

		rc = note->over ? store_tx_run(tx, STORE_ALERT_CLEAR_HEARD, over,
		                               SL_ARRAY_LEN(over), NULL, NULL)
		                : raise_note(tx, notes, note);
	}
	return rc;
}

int alerts_heard(void *arg, const char *device, const struct event_record *records, size_t count)
{
	struct alerts *alerts = arg;
	struct notes *notes = calloc(1, sizeof(*notes));
	int rc = notes ? 0 : SL_ENOMEM;

	if (rc != 0)
		return rc;
	notes->device = device;
	notes->now_ms = moment_now_ms();
	for (size_t i = 0; i < count; i++)
		note_record(notes, &records[i]);
	if (notes->count > 0)
		rc = store_write(alerts->store, write_notes, notes);
	if (rc == 0 && notes->count > 0)
		rc = alerts_tell(alerts);
	free(notes);
	return rc;
}
