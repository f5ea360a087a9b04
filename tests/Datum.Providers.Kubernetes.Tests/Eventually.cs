namespace Datum.Providers.Kubernetes.Tests;

internal static class Eventually
{
    /// <summary>Waits until a condition holds; fails with what was waited for.</summary>
    public static async Task HoldsAsync(Func<bool> condition, string what, int seconds = 20)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            if (TimeProvider.System.GetElapsedTime(started).TotalSeconds > seconds)
                Assert.Fail($"After {seconds} s still not: {what}.");
            await Task.Delay(5);
        }
    }
}
