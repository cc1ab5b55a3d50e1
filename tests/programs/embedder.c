/* embedder.c - a program with an interpreter in it, three times: embedder LIFE.py OTHER.py
 *
 * LIFE.py runs in the main interpreter with the number of the life as its argument, OTHER.py in another one beside it.
 */
#include <Python.h>

static int run(const char *path)
{
    FILE *file = fopen(path, "r");
    return file ? PyRun_SimpleFileEx(file, path, 1) : -1;
}

static int live(int n, char **argv)
{
    char code[64];
    Py_InitializeEx(1);
    snprintf(code, sizeof code, "import sys; sys.argv = ['embedder', '%d']", n);
    int status = PyRun_SimpleString(code) | run(argv[1]);
    PyThreadState *mine = PyThreadState_Get();
    PyThreadState *other = Py_NewInterpreter();
    status |= other ? run(argv[2]) : -1;
    if (other)
        Py_EndInterpreter(other);
    PyThreadState_Swap(mine);
    int ended = Py_FinalizeEx();
    printf("life %d: %d %d\n", n, status, ended);
    fflush(stdout);
    return status | ended;
}

int main(int argc, char **argv)
{
    int status = argc == 3 ? 0 : 2;
    for (int n = 0; n < 3 && status == 0; n++)
        status = live(n, argv);
    return status;
}
