/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/cursor.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool place_is_sent(const struct reader_place *place, const struct line_head *head)
{
	if (place->known && head->epoch == place->epoch)
		return head->seq < place->next;
	for (size_t i = 0; i < place->over_count; i++)
		if (place->over[i] == head->epoch)
			return true;
	return false;
}

static void take_fd(struct cursor *c, int fd, uint32_t number, uint64_t offset)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = fd;
	c->number = number;
	c->offset = offset;
	c->at = c->have = 0;
	c->too_long = c->have_line = false;
}

static void want(struct cursor *c, uint32_t number)
{
	c->wanted = true;
	c->asked = false;
	c->wanted_number = number;
}

void cursor_reset(struct cursor *c)
{
	take_fd(c, -1, 0, 0);
	c->state = CURSOR_UNTOLD;
	c->wanted = c->asked = false;
}

void cursor_told(struct cursor *c, uint32_t open)
{
	c->open = open;
	if (c->state != CURSOR_UNTOLD)
		return;
	c->state = CURSOR_LOOKING;
	take_fd(c, -1, open, 0);
	want(c, open);
}

/* ---- finding the place ------------------------------------------------------------------- */

/* The head of the first line of ours that begins at or behind `from` and before `to`; the window is
 * the room for it. */
static bool head_behind(struct cursor *c, int fd, uint64_t from, uint64_t to, uint64_t *ret_offset,
                        struct line_head *ret_head)
{
	const char *text = (const char *)c->window, *at = text, *end;
	ssize_t n = pread(fd, c->window, CURSOR_WINDOW, (off_t)from);

	if (n <= 0)
		return false;
	end = text + n;
	if (from > 0)
		at = memchr(text, '\n', (size_t)n);
	while (at && at < end) {
		at += *at == '\n';
		if (from + (uint64_t)(at - text) >= to)
			return false;
		if (line_head_read(at, (size_t)(end - at), ret_head)) {
			*ret_offset = from + (uint64_t)(at - text);
			return true;
		}
		at = memchr(at, '\n', (size_t)(end - at));
	}
	return false;
}

/* An offset at which a line begins and before which all was sent; not far before the place. */
static uint64_t find_place(struct cursor *c, int fd, const struct reader_place *place)
{
	uint64_t low = 0, high, offset;
	struct line_head head;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return 0;
	high = (uint64_t)st.st_size;
	while (high - low > CURSOR_WINDOW) {
		uint64_t middle = low + (high - low) / 2;

		if (head_behind(c, fd, middle, high, &offset, &head) && place_is_sent(place, &head))
			low = offset;
		else
			high = middle;
	}
	return low;
}

/* It begins with what was sent: so the place is in it, or behind it. */
static bool begins_sent(struct cursor *c, int fd, const struct reader_place *place)
{
	struct line_head head;
	uint64_t offset;

	return head_behind(c, fd, 0, 1, &offset, &head) && place_is_sent(place, &head);
}

static void look(struct cursor *c, const struct reader_place *place, int fd, uint32_t number)
{
	if (fd >= 0 && begins_sent(c, fd, place)) {
		take_fd(c, fd, number, find_place(c, fd, place));
		c->state = CURSOR_READING;
	} else if (fd >= 0) {
		take_fd(c, fd, number, 0);
		want(c, number - 1);
	} else if (c->fd < 0 && number == c->number) {
		want(c, number - 1); /* the open one was moved away: those before may be there */
	} else {
		c->state = CURSOR_READING;
	}
}

void cursor_file(struct cursor *c, const struct reader_place *place, int fd)
{
	uint32_t number = c->wanted_number;

	c->wanted = c->asked = false;
	if (c->state == CURSOR_LOOKING)
		look(c, place, fd, number);
	else if (fd >= 0 || number == c->open)
		take_fd(c, fd, number, 0);
	else
		want(c, number + 1);
}

/* ---- reading ----------------------------------------------------------------------------- */

/* More of the file behind what the window has. 0: there is none. */
static size_t read_more(struct cursor *c)
{
	size_t rest = c->have - c->at;
	ssize_t n;

	memmove(c->window, c->window + c->at, rest);
	c->offset += c->at;
	c->at = 0;
	c->have = rest;
	n = c->fd >= 0 ? pread(c->fd, c->window + rest, CURSOR_WINDOW - rest,
	                       (off_t)(c->offset + rest))
	               : 0;
	if (n <= 0)
		return 0;
	c->have += (size_t)n;
	return (size_t)n;
}

/* Somebody cut it: it is read from its beginning, and what was sent is passed over. */
static bool was_cut(struct cursor *c)
{
	struct stat st;

	if (c->fd < 0 || fstat(c->fd, &st) != 0 || (uint64_t)st.st_size >= c->offset + c->have)
		return false;
	c->offset = 0;
	c->at = c->have = 0;
	c->too_long = false;
	return true;
}

/* At the end of the file; of a closed one what has no newline is no line. */
static enum cursor_found at_end(struct cursor *c, uint64_t *left_out)
{
	if (c->number == c->open)
		return CURSOR_END;
	if (c->have > c->at)
		(*left_out)++;
	c->at = c->have;
	if (!c->wanted)
		want(c, c->number + 1);
	return CURSOR_WAIT;
}

/* The line from `at` to its newline: ours, or passed over. */
static void take_line(struct cursor *c, size_t len, uint64_t *left_out)
{
	const char *line = (const char *)c->window + c->at;
	bool ours = !c->too_long && len > 0 && len <= READER_LINE_MAX && line[len - 1] == '}' &&
	            line_head_read(line, len, &c->head);

	c->len = len;
	c->have_line = ours;
	if (ours)
		return;
	*left_out += len > 0;
	c->too_long = false;
	cursor_pass(c);
}

static void drop_window(struct cursor *c)
{
	c->too_long = true;
	c->offset += c->have;
	c->at = c->have = 0;
}

enum cursor_found cursor_peek(struct cursor *c, const struct reader_place *place, size_t *budget,
                              uint64_t *left_out)
{
	while (c->state == CURSOR_READING && !c->wanted) {
		const uint8_t *end = memchr(c->window + c->at, '\n', c->have - c->at);
		size_t n;

		if (c->have_line && !place_is_sent(place, &c->head))
			return CURSOR_LINE;
		if (c->have_line) {
			cursor_pass(c);
			continue;
		}
		if (end) {
			take_line(c, (size_t)(end - c->window) - c->at, left_out);
			continue;
		}
		if (*budget == 0)
			return CURSOR_BUSY;
		if (c->have - c->at > READER_LINE_MAX)
			drop_window(c);
		n = read_more(c);
		*budget -= SL_MIN(n, *budget);
		if (n == 0 && !was_cut(c))
			return at_end(c, left_out);
	}
	return CURSOR_WAIT;
}

void cursor_pass(struct cursor *c)
{
	c->at += c->len + 1;
	c->have_line = false;
}
