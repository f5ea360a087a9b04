namespace Datum.Providers.Faults.Tests;

/// <summary>What a run shows: on the test's own output, and in the file of <c>DATUM_FAULT_REPORT</c>, because a test runner shows the output of failed tests only.</summary>
internal static class Report
{
    private static readonly Lock Gate = new();

    public static void Say(string text)
    {
        TestContext.Progress.WriteLine(text);
        if (Environment.GetEnvironmentVariable("DATUM_FAULT_REPORT") is not { Length: > 0 } file)
            return;
        lock (Gate)
            File.AppendAllText(file, text.TrimEnd() + "\n");
    }
}
