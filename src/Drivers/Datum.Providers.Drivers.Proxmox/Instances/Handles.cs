using System.Globalization;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>
/// What an instance's handles hold beside the platform's task: that the task is a step of the first boot, where nothing but its end is of interest,
/// or that the guest is being waited for. Anything else counts as none (DC-80).
/// </summary>
internal static class Handles
{
    private const int MaxLength = 1024;
    private const string FirstPrefix = "pve-first:";
    private const string GuestPrefix = "pve-guest:";

    /// <summary>The guest is waited for; when it was started isn't known.</summary>
    public static Handle Guest { get; } = new() { Data = GuestPrefix + "again" };

    /// <summary>The guest's first report is waited for, since its start.</summary>
    public static Handle GuestSince(DateTimeOffset start) => new() { Data = string.Create(CultureInfo.InvariantCulture, $"{GuestPrefix}{start.ToUnixTimeSeconds()}") };

    public static bool IsGuest(Handle? handle) => handle?.Data.StartsWith(GuestPrefix, StringComparison.Ordinal) == true;

    /// <summary>When the guest was started whose first report is waited for; null when the handle doesn't say.</summary>
    public static DateTimeOffset? StartOf(Handle? handle) =>
        IsGuest(handle) && long.TryParse(handle!.Data.AsSpan(GuestPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var unix) && unix is > 1_000_000_000 and < 253_402_300_799
            ? DateTimeOffset.FromUnixTimeSeconds(unix) : null;

    /// <summary>Work on a step of the first boot.</summary>
    public static Progress First(Progress progress) => progress.Handle is { } handle && handle.Data.Length + FirstPrefix.Length <= MaxLength
        ? progress with { Handle = handle with { Data = FirstPrefix + handle.Data } } : progress;

    /// <summary>The platform's task, and whether it is a step of the first boot.</summary>
    public static (Handle? Task, bool First) Read(Handle? handle) => handle?.Data.StartsWith(FirstPrefix, StringComparison.Ordinal) == true
        ? (handle with { Data = handle.Data[FirstPrefix.Length..] }, true) : (handle, false);
}
