using Datum.Providers.Host.Loader;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Host.Composition;

/// <summary>Tells on ProviderDriver objects what was found in the driver volume. Runs once at start and writes only what differs.</summary>
internal static class DriverRegistrar
{
    private static readonly ResourceType<ProviderDriver> Type = ResourceTypes.ProviderDrivers;

    public static async Task WriteAsync(IKubernetesClient home, IDriverCatalog catalog, CancellationToken cancellation)
    {
        var wanted = new SortedDictionary<string, ProviderDriverStatus>(StringComparer.Ordinal);
        foreach (var driver in catalog.Drivers)
            wanted[driver.Descriptor.Id] = new ProviderDriverStatus
            {
                Version = driver.Descriptor.Version,
                Contract = $"[{driver.Manifest.ContractMin},{driver.Manifest.ContractMax.Major}.{(driver.Manifest.ContractMax.Minor == int.MaxValue ? "*" : driver.Manifest.ContractMax.Minor)}]",
                Digest = driver.Digest,
                SignedBy = driver.SignedBy,
                Message = DriverInventory.Warning(driver),
                State = DriverState.Ready,
                Reason = Reasons.Ready,
                LocationKey = driver.Descriptor.LocationKey,
                Capabilities = ContractJson.Write(driver.Descriptor.Capabilities),
                Assemblies = [.. driver.Assemblies.Select(a => $"{a.Name}, {a.Version}").Order(StringComparer.Ordinal)],
            };
        foreach (var rejection in catalog.Rejections)
        {
            var name = rejection.Id ?? Path.GetFileName(rejection.Folder.TrimEnd(Path.DirectorySeparatorChar));
            wanted.TryAdd(ObjectName(name), new ProviderDriverStatus { State = DriverState.Rejected, Reason = rejection.Reason.ToString(), Message = rejection.Message });
        }

        var page = await home.ListAsync(Type, new ListOptions(), cancellation);
        // One that a newer host wrote and that can't be read here is left as it is.
        foreach (var unreadable in page.Unreadable)
            wanted.Remove(unreadable.Key.Name);
        var known = page.Items.ToDictionary(d => d.Metadata.Name!, StringComparer.Ordinal);
        foreach (var (name, status) in wanted)
        {
            if (!known.Remove(name, out var stored))
                stored = await home.CreateAsync(Type, Type.Stamp(new ProviderDriver { Metadata = new ObjectMeta { Name = name } }), cancellation);
            await SetAsync(home, stored, status, cancellation);
        }
        foreach (var gone in known.Values)
            await SetAsync(home, gone, new ProviderDriverStatus
            {
                Version = gone.Status?.Version, LocationKey = gone.Status?.LocationKey, State = DriverState.Missing, Reason = Reasons.DriverMissing,
                Message = "The driver isn't in the volume any more. What it made is kept and not changed; put the driver back, or delete this object.",
            }, cancellation);
    }

    private static async Task SetAsync(IKubernetesClient home, ProviderDriver stored, ProviderDriverStatus status, CancellationToken cancellation)
    {
        var after = Type.Clone(stored);
        after.Status = status;
        if (Patches.Status(Type, stored, after) is { } patch)
            await home.PatchAsync(Type, stored.Key, patch, "status", cancellation);
    }

    /// <summary>A folder's name made fit for an object's name.</summary>
    private static string ObjectName(string folder)
    {
        var text = new string([.. folder.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' ? c : '-')]).Trim('-', '.');
        return text.Length == 0 ? "unnamed" : text[..Math.Min(text.Length, 63)];
    }
}
