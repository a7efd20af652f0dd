/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mantle-host [--idle SECONDS] [--appid {GUID}] {CLSID}=LIBRARY ...: serves the classes of libraries in a
 * process of its own, as whom it was started. mantle-authd starts it for what classes.d names as `library =`.
 * With an AppID it has the authentication level and the access permission of that; else whatever is the
 * default of its configuration.
 */
#include <combaseapi.h>
#include <dlfcn.h>
#include <getopt.h>
#include <objbase.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <winerror.h>

#define EXIT_USAGE   2
#define CLASSES_MAX  256
#define IDLE_DEFAULT 60 /* seconds without objects, until it ends */
#define GUID_LENGTH  38 /* with its braces */

typedef HRESULT(STDMETHODCALLTYPE *GetClassObjectFunction)(REFCLSID, REFIID, LPVOID *);
typedef HRESULT(STDMETHODCALLTYPE *CanUnloadFunction)(void);

typedef struct Class {
    CLSID clsid;
    const char *text, *library;
    CanUnloadFunction can_unload; /* NULL: the library does not say, and is always in use */
    DWORD cookie;
} Class;

static GUID appid;
static bool has_appid;
static Class classes[CLASSES_MAX];
static int class_count;

static void print_usage(FILE *file)
{
    fputs("usage: mantle-host [--idle SECONDS] [--appid {GUID}] {CLSID}=LIBRARY ...\n"
          "       mantle-host --help\n",
          file);
}

/* GUID_LENGTH characters. */
static bool parse_guid(const char *argument, GUID *ret_guid)
{
    OLECHAR text[GUID_LENGTH + 1] = {0};
    for (int i = 0; i < GUID_LENGTH; i++)
        text[i] = (unsigned char)argument[i];
    return SUCCEEDED(CLSIDFromString(text, ret_guid));
}

static bool parse_class(char *argument, Class *class)
{
    char *equals = strchr(argument, '=');
    if (!equals || equals - argument != GUID_LENGTH || equals[1] != '/') return false;
    *equals = 0;
    class->text = argument;
    class->library = equals + 1;
    return parse_guid(argument, &class->clsid);
}

/* A number of seconds, or an AppID. */
static bool parse_option(int option, const char *argument, time_t *idle)
{
    char *end;
    if (option == 'a') return has_appid = strlen(argument) == GUID_LENGTH && parse_guid(argument, &appid);
    if (option != 'i') return false;
    *idle = (time_t)strtoul(argument, &end, 10);
    return !*end && end != argument && *idle >= 1 && *idle <= 86400;
}

static HRESULT serve(Class *class)
{
    GetClassObjectFunction get_class_object = NULL;
    IUnknown *factory = NULL;
    void *library = dlopen(class->library, RTLD_NOW | RTLD_LOCAL);
    if (library) *(void **)&get_class_object = dlsym(library, "DllGetClassObject");
    if (!get_class_object) {
        fprintf(stderr, "mantle-host: %s: %s\n", class->library, dlerror());
        return CO_E_DLLNOTFOUND;
    }
    *(void **)&class->can_unload = dlsym(library, "DllCanUnloadNow");
    HRESULT hr = get_class_object(&class->clsid, &IID_IClassFactory, (void **)&factory);
    if (SUCCEEDED(hr)) {
        hr = CoRegisterClassObject(&class->clsid, factory, CLSCTX_LOCAL_SERVER,
                                   REGCLS_MULTIPLEUSE | REGCLS_SUSPENDED, &class->cookie);
        factory->lpVtbl->Release(factory);
    }
    if (FAILED(hr))
        fprintf(stderr, "mantle-host: class %s of %s: 0x%08X\n", class->text, class->library, (unsigned)hr);
    return hr;
}

static bool is_idle(void)
{
    for (int i = 0; i < class_count; i++)
        if (!classes[i].can_unload || classes[i].can_unload() != S_OK) return false;
    return true;
}

/* Until somebody says so, or nothing was in use for a while. */
static HRESULT wait_for_end(const sigset_t *signals, time_t idle)
{
    const struct timespec period = {.tv_sec = idle};
    const struct timespec moment = {.tv_sec = 1};
    for (;;) {
        if (sigtimedwait(signals, NULL, &period) > 0) return S_OK;
        if (!is_idle()) continue;
        /* New activations go to another process from here on; those under way show in the next look. */
        HRESULT hr = CoSuspendClassObjects();
        if (FAILED(hr)) return hr;
        if (sigtimedwait(signals, NULL, &moment) > 0 || is_idle()) return S_OK;
        hr = CoResumeClassObjects();
        if (FAILED(hr)) return hr;
    }
}

static HRESULT run(const sigset_t *signals, time_t idle)
{
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (FAILED(hr)) return hr;
    if (has_appid)
        hr = CoInitializeSecurity(&appid, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_DEFAULT, RPC_C_IMP_LEVEL_DEFAULT,
                                  NULL, EOAC_APPID, NULL);
    for (int i = 0; SUCCEEDED(hr) && i < class_count; i++)
        hr = serve(&classes[i]);
    /* All at once: whoever finds one of the group finds the others. */
    if (SUCCEEDED(hr)) hr = CoResumeClassObjects();
    if (SUCCEEDED(hr)) hr = wait_for_end(signals, idle);
    for (int i = 0; i < class_count; i++)
        if (classes[i].cookie) (void)CoRevokeClassObject(classes[i].cookie);
    CoUninitialize();
    return hr;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"idle", required_argument, NULL, 'i'},
                                            {"appid", required_argument, NULL, 'a'},
                                            {0}};
    time_t idle = IDLE_DEFAULT;
    sigset_t signals;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) >= 0;) {
        if (option == 'h') {
            print_usage(stdout);
            return 0;
        }
        if (!parse_option(option, optarg, &idle)) {
            print_usage(stderr);
            return EXIT_USAGE;
        }
    }
    for (; optind < argc && class_count < CLASSES_MAX; optind++)
        if (!parse_class(argv[optind], &classes[class_count++])) break;
    if (class_count == 0 || optind < argc) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL); /* before threads are made */
    HRESULT hr = run(&signals, idle);
    if (FAILED(hr)) fprintf(stderr, "mantle-host: 0x%08X\n", (unsigned)hr);
    return FAILED(hr);
}
