namespace Datum.Providers.Engine.Limits;

/// <summary>How long calls may take.</summary>
public static class CallDeadlines
{
    /// <summary>
    /// No call has a longer deadline: a new leader changes nothing before as much time has passed since it took the lease (law L10), and it
    /// can't know which drivers its predecessor had.
    /// </summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);
}
