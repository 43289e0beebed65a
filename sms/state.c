/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the session. */
#include "sms/state.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"

/* X(key, member) */
#define STATE_MEMBERS(X)                                                                           \
	X("server", server) X("ca", ca) X("pin", pin) X("cookie", cookie) X("csrf", csrf)

static int tell(char why[LINK_TEXT_MAX], int code, const char *path, const char *what)
{
	(void)snprintf(why, LINK_TEXT_MAX, "%.300s: %s", path, what);
	return code;
}

/* "…/sluice/sms.json"; each folder on the way is made, of its owner alone, when `make` says so. */
static int find_path(char path[STATE_PATH_MAX], bool make, char why[LINK_TEXT_MAX])
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int len;

	if (state && state[0] == '/')
		len = snprintf(path, STATE_PATH_MAX, "%s/sluice/sms.json", state);
	else if (home && home[0] == '/')
		len = snprintf(path, STATE_PATH_MAX, "%s/.local/state/sluice/sms.json", home);
	else
		return tell(why, SL_ENOENT, "HOME",
		            "is not set; there is no place for the session");
	if (len >= STATE_PATH_MAX)
		return tell(why, SL_ELIMIT, path, "too long");
	for (char *slash = make ? strchr(path + 1, '/') : NULL; slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return tell(why, SL_ESYS, path, strerror(errno));
		*slash = '/';
	}
	return 0;
}

static int take(struct sms_state *state, const json_t *object)
{
	const char *text;

#define X(key, member)                                                                             \
	text = json_string_value(json_object_get(object, key));                                    \
	if (text && strlen(text) >= sizeof(state->member))                                         \
		return SL_EMALFORMED;                                                              \
	if (text)                                                                                  \
		(void)strcpy(state->member, text);
	STATE_MEMBERS(X)
#undef X
	return 0;
}

static int read_file(int fd, struct sms_state *state)
{
	json_t *object = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
	int rc = json_is_object(object) ? take(state, object) : SL_EMALFORMED;

	json_decref(object);
	return rc;
}

int state_load(struct sms_state *ret_state, char why[LINK_TEXT_MAX])
{
	struct sms_state state = {0};
	char path[STATE_PATH_MAX];
	struct stat st;
	int fd, rc = find_path(path, false, why);

	*ret_state = state;
	if (rc != 0)
		return rc == SL_ENOENT ? 0 : rc;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : tell(why, SL_ESYS, path, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077) != 0)
		rc = tell(why, SL_EPERM, path, "must be a file of yours that nobody else may read");
	if (rc == 0 && read_file(fd, &state) != 0)
		rc = tell(why, SL_EMALFORMED, path, "is damaged; remove it and log in again");
	(void)close(fd);
	if (rc == 0)
		*ret_state = state;
	state_wipe(&state);
	return rc;
}

static json_t *object_of(const struct sms_state *state)
{
	json_t *object = json_object();

#define X(key, member)                                                                             \
	if (state->member[0])                                                                      \
		(void)json_object_set_new(object, key, json_string(state->member));
	STATE_MEMBERS(X)
#undef X
	return object;
}

int state_save(const struct sms_state *state, char why[LINK_TEXT_MAX])
{
	char path[STATE_PATH_MAX], temporary[STATE_PATH_MAX + 8];
	json_t *object;
	int fd, rc = find_path(path, true, why);

	if (rc != 0)
		return rc;
	(void)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
	if (fd < 0)
		return tell(why, SL_ESYS, path, strerror(errno));
	object = object_of(state);
	if (!object || json_dumpfd(object, fd, JSON_INDENT(2)) != 0 || fsync(fd) != 0)
		rc = tell(why, SL_ESYS, path, "cannot be written");
	json_decref(object);
	if (close(fd) != 0 && rc == 0)
		rc = tell(why, SL_ESYS, path, strerror(errno));
	if (rc == 0 && rename(temporary, path) != 0)
		rc = tell(why, SL_ESYS, path, strerror(errno));
	if (rc != 0)
		(void)unlink(temporary);
	return rc;
}

void state_wipe(struct sms_state *state)
{
	OPENSSL_cleanse(state, sizeof(*state));
}
