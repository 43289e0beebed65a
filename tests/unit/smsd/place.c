/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/smsd/place.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "smsd/auth/audit.h"
#include "tests/unit/smsd/database.h"

const struct actor place_actor = {
        .person = 7, .name = "anna", .from = "192.0.2.7", .via = "session"};

uint64_t __real_clock_wall_us(void);
uint64_t __wrap_clock_wall_us(void);

static int64_t ahead_s;

uint64_t __wrap_clock_wall_us(void)
{
	return __real_clock_wall_us() + (uint64_t)ahead_s * 1000000;
}

void place_wait(int64_t seconds)
{
	ahead_s += seconds;
}

const char *place_path(const struct place *place, const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", place->directory, name);
	return path;
}

void place_open(struct place *place)
{
	int rc = store_open(place->directory, place->connection, 2, &place->store, &place->problem);

	if (rc != 0)
		print_error("%s\n", place->problem.count ? place->problem.items[0].text : "");
	assert_int_equal(rc, 0);
}

void place_close(struct place *place)
{
	store_close(place->store);
	place->store = NULL;
}

int place_setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	ahead_s = 0;
	(void)snprintf(place->directory, sizeof(place->directory), "/tmp/sms-place.XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	place->connection = test_database_make();
	place_open(place);
	*state = place;
	return 0;
}

/* `fn` returns true to end the walk, which then is true. */
static bool walk(const struct place *place, bool (*fn)(const char *path, void *arg), void *arg)
{
	DIR *dir = opendir(place->directory);
	struct dirent *entry;
	bool found = false;

	assert_non_null(dir);
	while (!found && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			found = fn(place_path(place, entry->d_name), arg);
	(void)closedir(dir);
	return found;
}

static bool remove_file(const char *path, void *arg)
{
	(void)unlink(path);
	return false;
}

int place_teardown(void **state)
{
	struct place *place = *state;

	store_close(place->store);
	problem_fini(&place->problem);
	test_database_drop(place->connection);
	(void)walk(place, remove_file, NULL);
	(void)rmdir(place->directory);
	free(place);
	return 0;
}

struct needle {
	const void *bytes;
	size_t len;
};

static bool has_bytes(const char *path, void *arg)
{
	const struct needle *needle = arg;
	FILE *file = fopen(path, "r");
	char *data;
	long size;
	bool found;

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	assert_true(size >= 0);
	rewind(file);
	data = malloc((size_t)size + 1);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, (size_t)size, file), size);
	found = memmem(data, (size_t)size, needle->bytes, needle->len) != NULL;
	free(data);
	(void)fclose(file);
	return found;
}

bool place_has_bytes(const struct place *place, const void *bytes, size_t len)
{
	return walk(place, has_bytes, &(struct needle){bytes, len});
}

bool place_has_text(const struct place *place, const char *text)
{
	return place_has_bytes(place, text, strlen(text));
}

const char *place_told(struct place *place)
{
	static char text[PROBLEM_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%s",
	               place->problem.count ? place->problem.items[0].text : "");
	problem_fini(&place->problem);
	return text;
}

unsigned place_audited(struct place *place, const char *action, const char *name)
{
	json_t *list, *line;
	unsigned count = 0;
	size_t i;

	assert_int_equal(audit_list(place->store, 0, 1000, &list), 0);
	json_array_foreach(list, i, line)
	{
		const char *its_action = json_string_value(json_object_get(line, "action"));
		const char *its_name = json_string_value(json_object_get(line, "name"));

		count += strcmp(its_action, action) == 0 && (!name || strcmp(its_name, name) == 0);
	}
	json_decref(list);
	return count;
}
