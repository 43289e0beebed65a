/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tps cert replace (R152), fit to be an ACME client's deploy hook: new files are checked, put in
 * the place of those that the configuration names, and taken into use; when the daemon refuses
 * them the old ones are put back. The key goes from file to file and never over the socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/pki/cert.h"
#include "lib/pki/file.h"
#include "lib/pki/key.h"
#include "tps/render.h"
#include "tps/run.h"

enum { PATH_SIZE = 1024 };

static int check_pair(const char *certificate, const char *key)
{
	const struct pki_files files = {
	        .certificate = certificate, .private_key = key, .password_file = "", .chain = ""};
	struct pki_chain *chain;
	struct pki_validity v;
	EVP_PKEY *pkey;
	struct pki_error err;
	int rc = pki_chain_load(&files, &chain, &err);

	if (rc == 0) {
		rc = pki_key_load(&files, chain->leaf, &pkey, &err);
		if (rc == 0)
			EVP_PKEY_free(pkey);
		if (rc == 0 && pki_cert_validity(chain->leaf, (int64_t)time(NULL), &v) == 0 &&
		    v.status != PKI_VALID)
			(void)fprintf(stderr, "tps: warning: %s is %s\n", certificate,
			              pki_status_name(v.status));
		pki_chain_destroy(chain);
	}
	if (rc != 0)
		(void)fprintf(stderr, "tps: %s\n  %s\n", err.text, err.remedy);
	return rc;
}

static int write_bytes(int fd, const struct pki_file *file)
{
	size_t done = 0;

	while (done < file->len) {
		ssize_t n = write(fd, file->data + done, file->len - done);

		if (n < 0 && errno != EINTR)
			return SL_ESYS;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) == 0 ? 0 : SL_ESYS;
}

/* The new file beside the old one, with the old one's owner and rights. */
static int write_beside(const char *path, const struct pki_file *file)
{
	char fresh[PATH_SIZE];
	struct stat st;
	int fd, rc;

	(void)snprintf(fresh, sizeof(fresh), "%s.new", path);
	if (stat(path, &st) != 0)
		return SL_ESYS;
	(void)unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return SL_ESYS;
	rc = write_bytes(fd, file);
	if (rc == 0 &&
	    (fchown(fd, st.st_uid, st.st_gid) != 0 || fchmod(fd, st.st_mode & 07777) != 0))
		rc = SL_ESYS;
	(void)close(fd);
	if (rc != 0)
		(void)unlink(fresh);
	return rc;
}

static int prepare(const char *path, const char *source, bool private)
{
	struct pki_file file;
	struct pki_error err;
	int rc = pki_file_read(source, private, &file, &err);

	if (rc != 0) {
		(void)fprintf(stderr, "tps: %s\n  %s\n", err.text, err.remedy);
		return rc;
	}
	rc = write_beside(path, &file);
	if (rc != 0)
		(void)fprintf(stderr, "tps: %s: %s\n", path, strerror(errno));
	pki_file_fini(&file);
	return rc;
}

/* PATH.new takes PATH's place, which stays as PATH.old. */
static int swap(const char *path)
{
	char fresh[PATH_SIZE], old[PATH_SIZE];

	(void)snprintf(fresh, sizeof(fresh), "%s.new", path);
	(void)snprintf(old, sizeof(old), "%s.old", path);
	(void)unlink(old);
	if (link(path, old) != 0 || rename(fresh, path) != 0)
		return SL_ESYS;
	return 0;
}

static void put_back(const char *path)
{
	char old[PATH_SIZE];

	(void)snprintf(old, sizeof(old), "%s.old", path);
	if (rename(old, path) != 0)
		(void)fprintf(stderr, "tps: %s could not be put back: %s\n", path, strerror(errno));
}

static void drop_new(const char *path)
{
	char fresh[PATH_SIZE];

	(void)snprintf(fresh, sizeof(fresh), "%s.new", path);
	(void)unlink(fresh);
}

static bool keep(void *arg, const json_t *data)
{
	*(json_t **)arg = json_deep_copy(data);
	return true;
}

/* The paths that the configuration in force names; false: said. */
static bool find_paths(struct tps *tps, const char *name, char certificate[PATH_SIZE],
                       char key[PATH_SIZE])
{
	json_t *list = NULL, *error = NULL, *one;
	bool found = false;
	size_t i;

	(void)client_request(tps->client, "show certificates", NULL, keep, &list, &error);
	json_array_foreach(list, i, one)
	{
		const char *its = json_string_value(json_object_get(one, "name"));
		const char *file = json_string_value(json_object_get(one, "file"));
		const char *key_file = json_string_value(json_object_get(one, "key_file"));
		const char *key_id = json_string_value(json_object_get(one, "key_id"));

		if (!its || strcmp(its, name) != 0 || !file || !key_file)
			continue;
		if (key_id && key_id[0]) {
			(void)fprintf(stderr,
			              "tps: %s is the management system's: replace it there\n",
			              name);
			json_decref(list);
			json_decref(error);
			return false;
		}
		(void)snprintf(certificate, PATH_SIZE, "%s", file);
		(void)snprintf(key, PATH_SIZE, "%s", key_file);
		found = true;
	}
	if (error)
		render_error(error, false, stderr);
	else if (!found)
		(void)fprintf(stderr,
		              "tps: no certificate %s; 'tps show certificates' lists them\n", name);
	else if (key[0] == '\0' || strlen(key) + 5 > PATH_SIZE ||
	         strlen(certificate) + 5 > PATH_SIZE) {
		(void)fprintf(stderr,
		              "tps: certificate and key of %s are one file: replace that file "
		              "and run 'tps cert reload'\n",
		              name);
		found = false;
	}
	json_decref(list);
	json_decref(error);
	return found;
}

static enum tps_exit take_into_use(struct tps *tps, const char *certificate, const char *key)
{
	json_t *answer = NULL, *error = NULL;
	enum tps_exit status =
	        client_request(tps->client, "cert reload", NULL, keep, &answer, &error);

	if (status != TPS_OK) {
		put_back(certificate);
		put_back(key);
		if (error)
			render_error(error, tps->json, stderr);
		(void)fputs("tps: the old files are back in their place\n", stderr);
	} else {
		(void)printf("in use, revision %lld\n",
		             (long long)json_integer_value(json_object_get(answer, "revision")));
	}
	json_decref(answer);
	json_decref(error);
	return status;
}

enum tps_exit tps_cert_replace(struct tps *tps, json_t *arguments)
{
	const char *name = json_string_value(json_object_get(arguments, "name"));
	const char *new_cert = json_string_value(json_object_get(arguments, "certificate"));
	const char *new_key = json_string_value(json_object_get(arguments, "key"));
	char certificate[PATH_SIZE] = "", key[PATH_SIZE] = "";
	enum tps_exit status;

	if (check_pair(new_cert, new_key) != 0)
		return TPS_REFUSED;
	status = tps_connect(tps);
	if (status != TPS_OK)
		return status;
	if (!find_paths(tps, name, certificate, key))
		return TPS_REFUSED;
	if (prepare(certificate, new_cert, false) != 0 || prepare(key, new_key, true) != 0) {
		drop_new(certificate);
		return errno == EACCES || errno == EPERM ? TPS_NOT_PERMITTED : TPS_REFUSED;
	}
	if (swap(certificate) != 0 || swap(key) != 0) {
		(void)fprintf(stderr, "tps: %s: %s\n", certificate, strerror(errno));
		put_back(certificate);
		drop_new(key);
		return TPS_REFUSED;
	}
	return take_into_use(tps, certificate, key);
}
