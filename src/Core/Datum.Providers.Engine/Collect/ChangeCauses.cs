using System.Collections.Concurrent;
using System.Globalization;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Collect;

/// <summary>
/// Who changed a wish: its owner, or a change of ProviderConfig, driver or host that made the same owner mean something else. A wish
/// that differs although it was translated under the same stamp before is the owner's; one that differs with the stamp is the change's.
/// </summary>
public sealed class ChangeCauses(string hostVersion)
{
    /// <summary>By entry: the stamp of the last translation. Lost with the process; then the record's is used, which is that of the last wish that differed.</summary>
    private readonly ConcurrentDictionary<string, string> _translated = new(StringComparer.Ordinal);

    /// <summary>The stamp to record with a wish that differs, and whether its owner made it differ.</summary>
    public (string Stamp, bool Owner) Of(string entry, string? recorded, ProviderConfigSpec config, DriverDescriptor driver)
    {
        var stamp = Stamp(config, driver, hostVersion);
        return (stamp, (_translated.TryGetValue(entry, out var seen) ? seen : recorded) == stamp);
    }

    /// <summary>The wish stands in the ledger as it was translated under this stamp. Not before: a write that is refused is tried again, with the same cause.</summary>
    public void Stored(string entry, string stamp) => _translated[entry] = stamp;

    /// <summary>The entry is gone.</summary>
    public void Forget(string entry) => _translated.TryRemove(entry, out _);

    /// <summary>True when the replacement of this entry carries out what its owner asked for.</summary>
    public static bool AskedByOwner(ManagedResource entry) =>
        entry.Spec.Record.ProviderChange == false && entry.Spec.Desired is { } desired && entry.Status?.DesiredHash != CanonicalJson.Digest(desired);

    /// <summary>Changes with everything of a config that translation or a driver reads, with the driver's version and the host's.</summary>
    public static string Stamp(ProviderConfigSpec? config, DriverDescriptor driver, string hostVersion) => AccountHold.TokenOf(
        hostVersion, driver.Id, driver.Version, config?.Endpoint ?? "", config?.Settings is { } settings ? CanonicalJson.Digest(settings) : "",
        Map(config?.InstanceTypes?.Select(t => $"{t.Key}={t.Value.Cpu}/{t.Value.MemoryMiB?.ToString(CultureInfo.InvariantCulture)}/{t.Value.Native}")),
        Map(config?.Images?.Select(i => $"{i.Key}={i.Value}")), Map(config?.DiskTypes?.Select(d => $"{d.Key}={d.Value}")),
        $"{config?.AllowSecretsInUserData}/{config?.AllowUnenforcedPolicies}/{config?.AllowUnenforcedDiskSize}");

    private static string Map(IEnumerable<string>? members) => string.Join(',', (members ?? []).Order(StringComparer.Ordinal));
}
