/* SPDX-License-Identifier: Apache-2.0 */
/* Files to the server and back, in pieces: rules, lists of domains, revocation lists. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "sms/sms.h"

enum {
	PIECE = 4 * 1024 * 1024, /* sent and fetched at once: whole MiB (docs/sms-api.md) */
	BAR = 40,
	PATH_SIZE = 128,
};

#define KIND "file"

/* ---- progress ---------------------------------------------------------------------------- */

/* On a terminal one line that is written over; elsewhere nothing. */
static void show_progress(const char *name, uint64_t done, uint64_t size)
{
	unsigned filled = size > 0 ? (unsigned)(done * BAR / size) : BAR;

	if (!isatty(STDERR_FILENO))
		return;
	(void)fprintf(stderr, "\r%.32s [%.*s%*s] %3u %%%s", name, (int)filled,
	              "########################################", (int)(BAR - filled), "",
	              size > 0 ? (unsigned)(done * 100 / size) : 100, done >= size ? "\n" : "");
	(void)fflush(stderr);
}

/* ---- a file here ------------------------------------------------------------------------- */

static enum sms_exit open_file(const char *path, int *ret_fd, uint64_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		int error = errno;

		if (fd >= 0)
			(void)close(fd);
		return sms_fail(SMS_USAGE, "%s: %s", path, strerror(error));
	}
	if (!S_ISREG(st.st_mode) || st.st_size == 0) {
		(void)close(fd);
		return sms_fail(SMS_USAGE, "%s: %s", path,
		                S_ISREG(st.st_mode) ? "it is empty" : "it is no file");
	}
	*ret_fd = fd;
	*ret_size = (uint64_t)st.st_size;
	return SMS_OK;
}

/* As much as there is, up to a piece. */
static enum sms_exit read_piece(int fd, const char *path, char *piece, size_t *ret_len)
{
	size_t len = 0;

	while (len < PIECE) {
		ssize_t got = read(fd, piece + len, PIECE - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return sms_fail(SMS_USAGE, "%s: %s", path, strerror(errno));
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*ret_len = len;
	return SMS_OK;
}

/* ---- up ---------------------------------------------------------------------------------- */

static enum sms_exit begin(struct sms *sms, json_int_t *ret_id)
{
	struct link_answer answer;
	enum sms_exit status = sms_call(
	        sms, &(struct link_request){.method = "POST", .path = "/uploads"}, &answer);
	json_t *data;

	if (status != SMS_OK)
		return status;
	data = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
	*ret_id = json_integer_value(json_object_get(data, "id"));
	link_answer_fini(&answer);
	if (!json_is_integer(json_object_get(data, "id")))
		status = sms_fail(SMS_REFUSED, "the server's answer is no upload");
	json_decref(data);
	return status;
}

static enum sms_exit send_piece(struct sms *sms, json_int_t id, uint64_t offset, const char *piece,
                                size_t len)
{
	struct link_answer answer;
	char path[PATH_SIZE];
	enum sms_exit status;

	(void)snprintf(path, sizeof(path), "/uploads/%lld?offset=%llu", (long long)id,
	               (unsigned long long)offset);
	status = sms_call(sms,
	                  &(struct link_request){
	                          .method = "PUT", .path = path, .data = piece, .data_len = len},
	                  &answer);
	if (status == SMS_OK)
		link_answer_fini(&answer);
	return status;
}

static enum sms_exit send_all(struct sms *sms, json_int_t id, const char *name, const char *path)
{
	char *piece = malloc(PIECE);
	uint64_t size = 0, done = 0;
	size_t len = 1;
	int fd = -1;
	enum sms_exit status = piece ? open_file(path, &fd, &size)
	                             : sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));

	while (status == SMS_OK && len > 0) {
		show_progress(name, done, SL_MAX(size, done + 1));
		status = read_piece(fd, path, piece, &len);
		if (status == SMS_OK && len > 0)
			status = send_piece(sms, id, done, piece, len);
		done += len;
	}
	if (status == SMS_OK)
		show_progress(name, done, done);
	if (fd >= 0)
		(void)close(fd);
	free(piece);
	return status;
}

enum sms_exit sms_upload_send(struct sms *sms, const char *name, const char *path,
                              json_int_t *ret_id)
{
	enum sms_exit status = begin(sms, ret_id);

	if (status != SMS_OK)
		return status;
	status = send_all(sms, *ret_id, name, path);
	if (status != SMS_OK)
		sms_upload_drop(sms, *ret_id);
	return status;
}

void sms_upload_drop(struct sms *sms, json_int_t id)
{
	struct link_answer answer;
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "/uploads/%lld", (long long)id);
	if (sms_call(sms, &(struct link_request){.method = "DELETE", .path = path}, &answer) ==
	    SMS_OK)
		link_answer_fini(&answer);
}

/* The revision of the file that is there; "": none is. */
static enum sms_exit find(struct sms *sms, const json_t *arguments,
                          char ret_revision[LINK_ETAG_MAX])
{
	struct link_request request = {.method = "GET", .may_miss = true};
	struct link_answer answer;
	enum sms_exit status;
	char *path;

	if (sms_argument(arguments, "revision"))
		return sms_revision(sms, arguments, KIND, ret_revision);
	path = sms_path(KIND, sms_argument(arguments, "name"), NULL);
	if (!path)
		return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
	request.path = path;
	status = sms_call(sms, &request, &answer);
	free(path);
	if (status != SMS_OK)
		return status;
	(void)snprintf(ret_revision, LINK_ETAG_MAX, "%s", answer.etag);
	link_answer_fini(&answer);
	return SMS_OK;
}

/* The upload becomes the file. */
static enum sms_exit name_it(struct sms *sms, json_int_t id, const char *revision,
                             const json_t *arguments)
{
	bool new = revision[0] == '\0';
	struct link_request request = {.method = new ? "POST" : "PUT", .if_match = revision};
	char *path = sms_path(KIND, new ? NULL : sms_argument(arguments, "name"), NULL);
	json_t *body = json_pack("{s:I}", "upload", id);
	enum sms_exit status = SMS_REFUSED;

	if (new)
		for (size_t i = 0; i < 2; i++) {
			const char *key = i == 0 ? "name" : "content";

			(void)json_object_set(body, key, json_object_get(arguments, key));
		}
	if (sms_argument(arguments, "comment"))
		(void)json_object_set(body, "comment", json_object_get(arguments, "comment"));
	request.path = path;
	request.body = body;
	status = path && body ? sms_call_show(sms, &request)
	                      : sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
	free(path);
	json_decref(body);
	return status;
}

enum sms_exit sms_upload(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	const char *name = sms_argument(arguments, "name");
	char revision[LINK_ETAG_MAX] = "";
	enum sms_exit status;
	json_int_t id = 0;

	if (!sms_argument(arguments, "content"))
		return sms_fail(SMS_USAGE, "what is it? --content rules, domains or crl");
	status = find(sms, arguments, revision);
	if (status == SMS_OK)
		status = sms_upload_send(sms, name, sms_argument(arguments, "file"), &id);
	if (status != SMS_OK)
		return status;
	status = name_it(sms, id, revision, arguments);
	if (status != SMS_OK)
		sms_upload_drop(sms, id);
	return status;
}

/* ---- down -------------------------------------------------------------------------------- */

static enum sms_exit fetch_piece(struct sms *sms, const char *name, uint64_t offset,
                                 struct link_answer *ret_answer)
{
	char rest[PATH_SIZE];
	enum sms_exit status;
	char *path;

	(void)snprintf(rest, sizeof(rest), "/content?offset=%llu&limit=%d",
	               (unsigned long long)offset, PIECE);
	path = sms_path(KIND, name, rest);
	if (!path)
		return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
	status = sms_call(sms, &(struct link_request){.method = "GET", .path = path}, ret_answer);
	free(path);
	return status;
}

/* A file that is replaced meanwhile would come as a mixture of both. */
static enum sms_exit fetch_all(struct sms *sms, const char *name, FILE *out)
{
	char revision[LINK_ETAG_MAX] = "";
	enum sms_exit status = SMS_OK;
	uint64_t done = 0;
	bool more = true;

	while (status == SMS_OK && more) {
		struct link_answer answer;

		status = fetch_piece(sms, name, done, &answer);
		if (status != SMS_OK)
			return status;
		more = answer.body.len == PIECE;
		if (done > 0 && strcmp(revision, answer.etag) != 0)
			status =
			        sms_fail(SMS_REFUSED, "%s was replaced meanwhile: try again", name);
		else if (answer.body.len > 0 &&
		         fwrite(answer.body.data, answer.body.len, 1, out) != 1)
			status = sms_fail(SMS_REFUSED, "%s", strerror(errno));
		(void)snprintf(revision, sizeof(revision), "%s", answer.etag);
		done += answer.body.len;
		link_answer_fini(&answer);
	}
	return status;
}

enum sms_exit sms_download(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	const char *path = sms_argument(arguments, "output");
	enum sms_exit status;
	FILE *out = stdout;

	if (path) {
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		out = fd >= 0 ? fdopen(fd, "w") : NULL;
		if (!out)
			return sms_fail(SMS_REFUSED, "%s: %s", path, strerror(errno));
	}
	status = fetch_all(sms, sms_argument(arguments, "name"), out);
	if ((path ? fclose(out) : fflush(out)) != 0 && status == SMS_OK)
		status = sms_fail(SMS_REFUSED, "%s: %s", path ? path : "standard output",
		                  strerror(errno));
	if (path && status != SMS_OK)
		(void)unlink(path);
	return status;
}
