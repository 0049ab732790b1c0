// SPDX-License-Identifier: GPL-2.0-or-later
// What kvd answers itself: the password and what it protects. The rest is libkv's.
#include "session.h"

#include <string.h>

/* Is given the password of the server? */
static bool password_matches(const char *password, const char *given)
{
    size_t size = strlen(given);

    return strncmp(password, given, size) == 0;
}

static size_t answer_auth(struct session *session, const char *given)
{
    session->allowed = password_matches(session->password, given);
    return (size_t)snprintf(session->reply, sizeof(session->reply), "%s\n",
                            session->allowed ? "+OK" : "-ERR wrong password");
}

static size_t answer_notes(struct session *session)
{
    return (size_t)snprintf(session->reply, sizeof(session->reply), "%s\n",
                            session->allowed ? "+the administrator's notes" : "-ERR AUTH first");
}

size_t session_answer(struct session *session, size_t used)
{
    const char *line = session->line;

    if (strncmp(line, "AUTH ", 5) == 0)
        return answer_auth(session, line + 5);
    if (strcmp(line, "NOTES") == 0)
        return answer_notes(session);
    return kv_answer(session->store, line, used, session->reply, sizeof(session->reply));
}
