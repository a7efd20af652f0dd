/* SPDX-License-Identifier: Apache-2.0 */
/* Servers, users and client processes for tests of COM over the wire. */
#include "tests/realm/com-fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <libgen.h>
#include <oleauto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BODY_SECONDS 60

char *wire_path(const char *format, ...)
{
    char rest[256], *path;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(rest, sizeof(rest), format, arguments);
    va_end(arguments);
    assert_true(asprintf(&path, "%s/%s", getenv("MANTLE_LAB"), rest) > 0);
    return path;
}

pid_t wire_lab_process(const char *file)
{
    char *path = wire_path("%s", file);
    FILE *stream = fopen(path, "re");
    int pid = 0;
    free(path);
    assert_non_null(stream);
    assert_int_equal(fscanf(stream, "%d", &pid), 1);
    fclose(stream);
    return pid;
}

/* Realm */

void wire_admin(const char *command)
{
    char *line, *folder = getenv("MANTLE_LAB");
    assert_true(asprintf(&line,
                         "KRB5_KDC_PROFILE='%s/kdc.conf' kadmin.local -r " WIRE_REALM
                         " -q '%s' >/dev/null 2>&1",
                         folder, command) > 0);
    assert_int_equal(system(line), 0);
    free(line);
}

void wire_users(const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *command;
        assert_true(asprintf(&command, "addprinc -pw " WIRE_PASSWORD " %s", names[i]) > 0);
        wire_admin(command);
        free(command);
    }
}

/* Servers */

/* By its place beside the test program. */
static char *program_path(const char *name)
{
    char self[4096], *path;
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(length > 0);
    self[length] = '\0';
    assert_true(asprintf(&path, "%s/%s", dirname(self), name) > 0);
    return path;
}

static void become_server(const char *host, const char *name, char *const argv[], int input, int output,
                          pid_t parent)
{
    char *config = wire_path("hosts/%s/%s", host, name);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || dup2(input, STDIN_FILENO) < 0 ||
        dup2(output, STDOUT_FILENO) < 0 || setenv("MANTLE_CONFIG", config, 1) < 0 ||
        unsetenv("KRB5CCNAME") < 0)
        _exit(1);
    execv(argv[0], argv);
    _exit(127);
}

void wire_server_start(WireServer *server, const char *host, unsigned index, const char *cloaking,
                       const char *apartment)
{
    wire_server_start_at(server, host, index, cloaking, apartment, "impersonate");
}

void wire_server_start_at(WireServer *server, const char *host, unsigned index, const char *cloaking,
                          const char *apartment, const char *level)
{
    const WireServerSpec spec = {host, "mantle.conf", index, cloaking, apartment, level, "all"};
    wire_server_start_as(server, &spec);
}

void wire_server_start_as(WireServer *server, const WireServerSpec *spec)
{
    int input[2], output[2];
    char number[16], ready[6], *program = program_path("com-server");
    snprintf(number, sizeof(number), "%u", spec->index);
    char *const argv[] = {program,
                          number,
                          (char *)spec->cloaking,
                          (char *)spec->apartment,
                          (char *)spec->level,
                          (char *)spec->access,
                          NULL};
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    pid_t parent = getpid();
    server->pid = fork();
    if (server->pid == 0) become_server(spec->host, spec->config, argv, input[0], output[1], parent);
    free(program);
    close(input[0]);
    close(output[1]);
    server->end = input[1];
    assert_int_equal(read(output[0], ready, sizeof(ready)), sizeof(ready));
    close(output[0]);
}

void wire_program_start(WireServer *program, const char *host, const char *config, char *argv[])
{
    int input[2];
    char *path = program_path(argv[0]);
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    pid_t parent = getpid();
    argv[0] = path;
    program->pid = fork();
    if (program->pid == 0) become_server(host, config, argv, input[0], STDERR_FILENO, parent);
    free(path);
    close(input[0]);
    program->end = input[1];
}

static int wait_for(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int wire_server_stop(WireServer *server)
{
    close(server->end);
    return wait_for(server->pid);
}

void wire_server_kill(WireServer *server)
{
    kill(server->pid, SIGKILL);
    close(server->end);
    (void)wait_for(server->pid); /* a signal ended it */
}

/* mantled */

void wire_mantled_stop(const char *host)
{
    char *file;
    assert_true(asprintf(&file, "hosts/%s/mantled.pid", host) > 0);
    pid_t pid = wire_lab_process(file);
    free(file);
    assert_int_equal(kill(pid, SIGTERM), 0);
    /* The lab buries it. */
    for (unsigned tries = 0; kill(pid, 0) == 0; tries++) {
        assert_true(tries < 500);
        usleep(10000);
    }
}

void wire_mantled_start(WireServer *mantled, const char *host)
{
    char *program = program_path("../../mantled");
    char *path = wire_path("hosts/%s/mantled.log", host);
    int log = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    char *const argv[] = {program, "--verbose", NULL};
    pid_t parent = getpid();
    assert_true(log >= 0);
    mantled->end = log;
    mantled->pid = fork();
    if (mantled->pid == 0 && dup2(log, STDERR_FILENO) < 0) _exit(1);
    if (mantled->pid == 0) become_server(host, "mantle.conf", argv, log, log, parent);
    free(path);
    free(program);
}

/* Clients */

static bool copy_lines(FILE *from, FILE *to, const char *ccache)
{
    char line[1024];
    while (fgets(line, sizeof(line), from)) {
        fputs(line, to);
        if (ccache && strcmp(line, "[security]\n") == 0)
            fprintf(to, "ccache = FILE:%s/%s\n", getenv("MANTLE_LAB"), ccache);
    }
    return !ferror(from);
}

/* The host's configuration, for a process there that acts as a user. */
static bool copy_conf(const WireSide *side, const char *source, const char *target)
{
    FILE *from = fopen(source, "re"), *to = fopen(target, "wxe");
    bool ok = from && to && copy_lines(from, to, side->ccache);
    if (from) fclose(from);
    return to && fclose(to) == 0 && ok;
}

static bool configure(const WireSide *side)
{
    char *ccache = side->ccache ? wire_path("%s", side->ccache) : NULL;
    char *source = side->host ? wire_path("hosts/%s/mantle.conf", side->host) : NULL;
    char *target = wire_path("wire-%d.conf", (int)getpid());
    bool ok;
    if (side->host)
        ok = copy_conf(side, source, target) && setenv("MANTLE_CONFIG", target, 1) == 0 &&
             unsetenv("KRB5CCNAME") == 0;
    else
        ok = !ccache || setenv("KRB5CCNAME", ccache, 1) == 0;
    free(ccache);
    free(source);
    free(target);
    return ok;
}

static int run_body(const WireSide *side, WireBody body, void *argument, FILE *out)
{
    DWORD authn = side->authn ? side->authn : RPC_C_AUTHN_LEVEL_PKT_PRIVACY;
    alarm(BODY_SECONDS);
    if (!configure(side)) return 10;
    SEC_WINNT_AUTH_IDENTITY_W identity;
    SOLE_AUTHENTICATION_INFO entry = {RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_NONE, &identity};
    SOLE_AUTHENTICATION_LIST list = {1, &entry};
    if (side->identity) wire_identity(&identity, side->identity, WIRE_PASSWORD);
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr) && side->level)
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, authn, side->level, side->identity ? &list : NULL,
                                  side->cloaking, NULL);
    if (FAILED(hr)) return 11;
    body(out, argument);
    (void)RevertToSelf(); /* or had no token */
    CoUninitialize();
    return fclose(out) == 0 ? 0 : 12;
}

static char *read_all(int fd)
{
    char *text = NULL, buffer[4096];
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;)
        fwrite(buffer, 1, (size_t)n, out);
    fclose(out);
    if (size && text[size - 1] == ' ') text[size - 1] = '\0';
    return text;
}

/* Which would go on with the next test, here as well, after a crash. */
static void leave_cmocka(void)
{
    static const int signals[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS};
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        signal(signals[i], SIG_DFL);
}

void wire_in_background(WireProcess *process, const WireSide *side, WireBody body, void *argument)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fflush(NULL); /* else the child writes it again */
    pid_t parent = getpid();
    process->pid = fork();
    if (process->pid == 0) {
        FILE *out = fdopen(ends[1], "w");
        leave_cmocka();
        if (!out || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) _exit(9);
        /* exit(): leaks are looked for then. */
        exit(run_body(side, body, argument, out));
    }
    assert_true(process->pid > 0);
    close(ends[1]);
    process->output = ends[0];
}

char *wire_join(WireProcess *process)
{
    char *text = read_all(process->output);
    close(process->output);
    int status = wait_for(process->pid);
    if (status != 0) fail_msg("the process ended with %d after: %s", status, text);
    return text;
}

void wire_kill(WireProcess *process)
{
    kill(process->pid, SIGKILL);
    close(process->output);
    (void)wait_for(process->pid); /* a signal ended it */
}

char *wire_in_process(const WireSide *side, WireBody body, void *argument)
{
    WireProcess process;
    wire_in_background(&process, side, body, argument);
    return wire_join(&process);
}

void wire_expect(const WireSide *side, WireBody body, void *argument, const char *expected)
{
    char *text = wire_in_process(side, body, argument);
    if (strcmp(text, expected) != 0) fail_msg("\n  seen:     %s\n  expected: %s", text, expected);
    free(text);
}

/* Bodies */

void wire_say(FILE *out, char *word)
{
    fprintf(out, "%s ", word ? word : "no-memory");
    free(word);
}

void wire_say_result(FILE *out, HRESULT hr)
{
    if (hr == S_OK)
        fputs("ok ", out);
    else
        fprintf(out, "0x%08X ", (unsigned)hr);
}

void wire_say_why(FILE *out, const char *pattern)
{
    IErrorInfo *error = NULL;
    BSTR text = NULL;
    if (GetErrorInfo(0, &error) == S_OK) {
        (void)IErrorInfo_GetDescription(error, &text); /* none is said below */
        IErrorInfo_Release(error);
    }
    char *sentence = text ? wire_narrow(text) : strdup("no sentence");
    SysFreeString(text);
    fprintf(out, "%s ", fnmatch(pattern, sentence, 0) == 0 ? "ok" : sentence);
    free(sentence);
}

void wire_become(const char *user)
{
    HANDLE token = user ? wire_logon(user) : NULL;
    if (user && !token) abort();
    if (!(token ? SetThreadToken(NULL, token) : RevertToSelf())) abort();
    if (token) CloseHandle(token);
}

void wire_become_at(const char *user, SECURITY_IMPERSONATION_LEVEL level)
{
    HANDLE token = wire_logon_at(user, level);
    if (!token || !SetThreadToken(NULL, token)) abort();
    CloseHandle(token);
}

static void identity_text(unsigned short **ret_text, ULONG *ret_length, const char *text)
{
    LPWSTR wide = wire_wide(text);
    static unsigned short texts[3][64];
    static unsigned next;
    unsigned short *place = texts[next++ % 3];
    size_t length = strlen(text);
    if (!wide || length >= 64) abort();
    memcpy(place, wide, (length + 1) * sizeof(*place));
    CoTaskMemFree(wide);
    *ret_text = place;
    *ret_length = (ULONG)length;
}

void wire_identity(SEC_WINNT_AUTH_IDENTITY_W *identity, const char *user, const char *password)
{
    identity_text(&identity->User, &identity->UserLength, user);
    identity_text(&identity->Domain, &identity->DomainLength, WIRE_REALM);
    identity_text(&identity->Password, &identity->PasswordLength, password);
    identity->Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
}

/* The KDC writes a line for each ticket before it answers. */
unsigned wire_tickets(const char *user, const char *service)
{
    char *path = wire_path("kdc.log"), line[2048], wanted[128];
    FILE *file = fopen(path, "re");
    unsigned count = 0;
    free(path);
    if (!file) abort();
    snprintf(wanted, sizeof(wanted), " %s@" WIRE_REALM " for %s", user, service);
    while (fgets(line, sizeof(line), file))
        count += strstr(line, "TGS_REQ") && strstr(line, "ISSUE") && strstr(line, wanted);
    fclose(file);
    return count;
}
