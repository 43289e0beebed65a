/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Root makes the data directory and gives it away, then is root no longer; all else is made and
 * opened by the user that serves. What is open is closed in the reverse order, so that the last
 * commit is before the last answer and the store is the last to go.
 */
#include "smsd/run.h"

#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/pki/error.h"
#include "lib/pki/file.h"
#include "smsd/backup.h"
#include "smsd/data.h"
#include "smsd/privilege.h"
#include "smsd/run_priv.h"

enum { SECURE_HEAP = 4 * 1024 * 1024, SECURE_LEAST = 32 };

/* Of the files that the options name; "" without. */
struct secrets {
	char now[PKI_PASSWORD_MAX], next[PKI_PASSWORD_MAX]; /* passphrases */
	char database[PKI_PASSWORD_MAX];                    /* a connection string */
};

/* jansson frees without wiping, and what it holds are bodies with passwords and keys. */
static void wiping_free(void *at)
{
	if (at)
		OPENSSL_cleanse(at, malloc_usable_size(at));
	free(at);
}

/* What could not be made is refused data or the system's fault, by where it was. */
static int status_of(int code)
{
	if (code == SL_EBUSY)
		return RUN_BUSY;
	return code == SL_ESYS || code == SL_ENOMEM || code == SL_EIO || code == SL_EAGAIN ||
	                       code == SL_EFULL
	               ? RUN_FAILED
	               : RUN_REFUSED;
}

static int report(struct problem *problem, int status)
{
	for (size_t i = 0; i < problem->count; i++)
		log_critical("%s%s%s", problem->items[i].text,
		             problem->items[i].remedy[0] ? ": " : "", problem->items[i].remedy);
	if (problem->count == 0)
		log_critical("%s", err_text(problem->code));
	return status;
}

static int run_as_user(struct smsd *s, const struct secrets *given, bool first)
{
	int rc;

	json_set_alloc_funcs(malloc, wiping_free);
	(void)signal(SIGPIPE, SIG_IGN);
	/* Without locked memory (a low limit) keys are still wiped, and core dumps are off. */
	if (CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_LEAST) != 1)
		log_warning("private keys may be swapped out: raise the limit of locked memory to "
		            "%d KiB",
		            SECURE_HEAP / 1024);
	rc = open_all(s, s->options->database_file ? given->database : NULL,
	              s->options->passphrase_file ? given->now : NULL, first);
	if (rc == 0 && (s->options->new_key_file || s->options->new_passphrase_file))
		rc = rotate_key(s, s->options->new_passphrase_file ? given->next : NULL);
	else if (rc == 0 && !s->options->check)
		rc = serve(s);
	close_service(s);
	close_rooms(s);
	return rc == 0 ? RUN_OK : report(&s->problem, status_of(rc));
}

/* While it is root, which may be the only one to read the files. */
static int read_secrets(struct smsd *s, struct secrets *given)
{
	const struct run_options *options = s->options;
	struct pki_error err;
	int rc = 0;

	if (options->passphrase_file)
		rc = pki_password_read(options->passphrase_file, given->now, &err);
	if (rc == 0 && options->new_passphrase_file)
		rc = pki_password_read(options->new_passphrase_file, given->next, &err);
	if (rc == 0 && options->database_file)
		rc = pki_password_read(options->database_file, given->database, &err);
	return rc == 0 ? 0 : problem_add_pki(&s->problem, "", &err);
}

/* ---- a copy ------------------------------------------------------------------------------ */

/* As the user that serves. */
static int copy_as_user(struct smsd *s, uid_t uid, gid_t gid)
{
	int rc;

	if (privilege_drop(uid, gid, &s->problem) != 0)
		return report(&s->problem, RUN_PRIVILEGE);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	rc = backup_make(s->options->data, s->options->backup, &s->problem);
	return rc == 0 ? RUN_OK : report(&s->problem, status_of(rc));
}

/* Whoever started it stays who he is, to take away what he made when there is no copy. */
static int copy_apart(struct smsd *s, uid_t uid, gid_t gid, bool made)
{
	const char *to = s->options->backup;
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		status = copy_as_user(s, uid, gid);
		problem_fini(&s->problem);
		exit(status);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		(void)problem_add(&s->problem, SL_ESYS, "", "", "the copy cannot be made: %s",
		                  strerror(errno));
		status = report(&s->problem, RUN_FAILED);
	} else {
		status = WIFEXITED(status) ? WEXITSTATUS(status) : RUN_FAILED;
	}
	if (status != RUN_OK && made && rmdir(to) != 0)
		log_warning("%s is left: %s", to, strerror(errno));
	return status;
}

/* Beside an smsd that serves: nothing of `data` is locked, made or changed. */
static int back_up(struct smsd *s, uid_t uid, gid_t gid)
{
	const struct run_options *options = s->options;
	bool empty = false, made = access(options->backup, F_OK) != 0;
	int rc;

	if (options->database_file)
		rc = problem_add(&s->problem, SL_EUNSUPPORTED, "",
		                 "pg_dump --format=custom --file=FILE CONNECTION",
		                 "a database of PostgreSQL is copied by its own pg_dump");
	else
		rc = data_prepare(options->backup, uid, gid, &empty, &s->problem);
	if (rc == 0 && !empty)
		rc = problem_add(&s->problem, SL_EEXIST, "", "name a directory that is not there",
		                 "%s has something in it", options->backup);
	return rc == 0 ? copy_apart(s, uid, gid, made) : report(&s->problem, status_of(rc));
}

/* ------------------------------------------------------------------------------------------ */

static int prepare_and_run(struct smsd *s, struct secrets *given)
{
	const struct run_options *options = s->options;
	bool first = false;
	uid_t uid;
	gid_t gid;

	if (privilege_user(options->user, &uid, &gid, &s->problem) != 0)
		return report(&s->problem, RUN_PRIVILEGE);
	if (options->backup)
		return back_up(s, uid, gid);
	if (read_secrets(s, given) != 0)
		return report(&s->problem, RUN_REFUSED);
	if (data_prepare(options->data, uid, gid, &first, &s->problem) != 0)
		return report(&s->problem, RUN_REFUSED);
	if (privilege_drop(uid, gid, &s->problem) != 0)
		return report(&s->problem, RUN_PRIVILEGE);
	return run_as_user(s, given, first);
}

int run(const struct run_options *options)
{
	struct smsd s = {.options = options};
	struct secrets given = {0};
	int status = prepare_and_run(&s, &given);

	OPENSSL_cleanse(&given, sizeof(given));
	problem_fini(&s.problem);
	return status;
}
