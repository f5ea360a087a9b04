using System.Diagnostics;

namespace Datum.Providers.Testing;

/// <summary>Waits for a condition, with a deadline that fails the test and says what was seen last.</summary>
internal static class Eventually
{
    /// <summary>Asks every <paramref name="every"/> (default 200 ms) until the answer is null; another answer says what is still wrong.</summary>
    public static async Task NothingWrongAsync(Func<Task<string?>> ask, TimeSpan deadline, string what, Func<string>? more = null, TimeSpan? every = null)
    {
        var since = Stopwatch.StartNew();
        var last = "";
        while (true)
        {
            try
            {
                if (await ask() is not { } wrong)
                    return;
                last = wrong;
            }
            catch (Exception e) when (e is HttpRequestException or IOException or KubectlException or TaskCanceledException)
            {
                // What is asked may be away for a moment: a host that was killed, a service that starts.
                last = $"{e.GetType().Name}: {e.Message}";
            }
            if (since.Elapsed > deadline)
                throw new AssertionException($"Not within {deadline.TotalSeconds:0} s: {what}. Last seen: {last}\n{more?.Invoke()}");
            await Task.Delay(every ?? TimeSpan.FromMilliseconds(200));
        }
    }

    public static Task TrueAsync(Func<Task<bool>> ask, TimeSpan deadline, string what, Func<string>? more = null) =>
        NothingWrongAsync(async () => await ask() ? null : "not so", deadline, what, more);
}
