using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>What an instance is at the platform: nics, a boot disk and a server. Pure.</summary>
internal static class InstanceMapping
{
    public const string Boot = "boot";
    public const string Server = "server";

    // Stands for the image that a platform boots to run containers.
    private const string SandboxImage = "sim-container-host";

    public static string Nic(int index) => string.Create(CultureInfo.InvariantCulture, $"nic-{index}");

    public static string CollectionOf(string part) => part switch
    {
        Boot => Collections.BootDisks,
        Server => Collections.Servers,
        _ => Collections.Nics,
    };

    public static bool IsPart(string part) => part is Boot or Server || IndexOfNic(part) is not null;

    /// <summary>Which of the nics a part is; null when it is none.</summary>
    public static int? IndexOfNic(string part) =>
        part.StartsWith("nic-", StringComparison.Ordinal) && int.TryParse(part.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < SimulatorDescriptor.MaxInterfaces
            ? index
            : null;

    /// <summary>The server carries the resource's own mark, the others their part's.</summary>
    public static string? MarkPart(string part) => part == Server ? null : part;

    public static CloudObject NicWish(InterfaceSpec spec) => new()
    {
        InterfaceName = spec.Name,
        NetworkId = spec.Network?.ProviderId,
        SubnetIds = [.. spec.Subnets.Select(s => s.ProviderId).OfType<string>()],
        FirewallIds = [.. spec.Firewalls.Select(f => f.ProviderId).OfType<string>()],
        Addresses = spec.Addresses,
    };

    public static CloudObject BootWish(SimulatorContext context, InstanceSpec spec, Identity id)
    {
        var disk = BootVolume(spec);
        return new CloudObject
        {
            Zone = Zone(spec, id),
            Image = id.Resolved.GetValueOrDefault("image") ?? (disk?.Image is { } image ? context.Connection.Images.GetValueOrDefault(image, image) : SandboxImage),
            SizeGiB = disk?.SizeGiB ?? 25,
            Type = id.Resolved.GetValueOrDefault("bootDiskType") ?? (disk?.Type is { } type ? Check.DiskType(context, type) : "sim-standard"),
        };
    }

    public static CloudObject ServerWish(InstanceSpec spec, Identity id) => new()
    {
        Zone = Zone(spec, id),
        Hostname = spec.Hostname,
        Size = id.Resolved.GetValueOrDefault("size") ?? spec.Size.Native ?? spec.Size.InstanceType,
        CpuMillis = spec.Size.CpuMillis,
        MemoryMiB = spec.Size.MemoryMiB,
        BootDiskId = id.PartId(Boot),
        NicIds = [.. Enumerable.Range(0, spec.Interfaces.Length).Select(i => id.PartId(Nic(i))).OfType<string>()],
        DiskIds = DataDisks(spec),
        PowerOn = !spec.Suspended,
        RestartedAt = spec.RestartedAt,
        StopGraceSeconds = spec.TerminationGraceSeconds,
        ConfigHash = GuestHash(spec),
        Containers = spec.Sandbox is { } sandbox
            ? [.. sandbox.Containers.Select(c => new CloudContainer { Name = c.Name, Image = c.Image, ConfigHash = ContainerHash(spec, c) })]
            : null,
    };

    /// <summary>The id of what a server holds as a part; null when it holds none of it, or there is no server.</summary>
    public static string? HeldAs(CloudObject? server, string part)
    {
        if (server is null || part == Boot)
            return server?.BootDiskId;
        return IndexOfNic(part) is { } index && server.NicIds is { } nics && index < nics.Length ? nics[index] : null;
    }

    /// <summary>
    /// Whether a server is suspended, as far as a wish can mind. One that somebody switched off without saying that it shall stay so is off, not suspended:
    /// power is a fact (DC-78).
    /// </summary>
    public static bool IsSuspended(CloudObject server, bool wished) => server.PowerOn == false && (!wished || server.State != CloudStates.Ready);

    public static string? Zone(InstanceSpec spec, Identity id) => id.Resolved.GetValueOrDefault("zone") ?? Check.ZoneOf(spec);

    public static ImmutableArray<string> DataDisks(InstanceSpec spec) =>
        [.. spec.Volumes.Select(v => v.Disk?.Disk?.ProviderId).OfType<string>()];

    public static DiskVolume? BootVolume(InstanceSpec spec) =>
        spec.Machine is { } machine ? spec.Volumes.FirstOrDefault(v => v.Name == machine.BootVolume)?.Disk : null;

    public static InstanceFacts ToFacts(CloudObject server) => new()
    {
        PlatformState = server.State,
        Power = server.State switch
        {
            CloudStates.Ready => PowerState.Running,
            CloudStates.Stopped => PowerState.Stopped,
            CloudStates.Provisioning => PowerState.Starting,
            CloudStates.Deleting or CloudStates.Stopping => PowerState.Stopping,
            _ => PowerState.Unknown,
        },
        Guest = server.State is not (CloudStates.Ready or CloudStates.Stopped) ? GuestHealth.Unknown : server.Guest switch
        {
            "ready" => GuestHealth.Ready,
            "notReady" => GuestHealth.NotReady,
            _ => GuestHealth.Unknown,
        },
        GuestMessage = server.GuestMessage,
        Interfaces = [.. (server.Interfaces ?? []).Select(i => new InterfaceFacts { Name = i.Name, NetworkAddresses = i.Addresses, ExternalAddresses = i.ExternalAddresses })],
        Containers = [.. (server.Containers ?? []).Select(c => new ContainerFacts
        {
            Name = c.Name,
            Running = c.Running && server.State == CloudStates.Ready,
            ExitCode = c.ExitCode,
            Reason = server.State is CloudStates.Provisioning or CloudStates.PendingApproval ? "Provisioning" : c.Running || server.State == CloudStates.Stopped ? null : "InstanceCrashing",
            Message = c.Message,
        })],
    };

    /// <summary>A server that is on but doesn't do its work is degraded.</summary>
    public static Lifecycle ToLifecycle(CloudObject server) =>
        server.State == CloudStates.Ready && (server.Guest == "notReady" || server.Containers?.Any(c => !c.Running) == true)
            ? Lifecycle.Degraded
            : PartAccess.ToLifecycle(server);

    public static SpecDiff CompareServer(InstanceSpec spec, CloudObject server, Identity id)
    {
        var wish = ServerWish(spec, id);
        var diff = new SpecDiff()
            .Text("hostname", wish.Hostname, server.Hostname, Remedy.Replace)
            .Text("size.native", spec.Size.Native is null && id.Resolved.Count == 0 ? null : wish.Size, server.Size, Remedy.Replace)
            .Number("size.cpuMillis", wish.CpuMillis, server.CpuMillis, Remedy.Replace)
            .Number("size.memoryMiB", wish.MemoryMiB, server.MemoryMiB, Remedy.Replace)
            .Text("location.zone", wish.Zone, server.Zone, Remedy.Replace)
            .Set("volumes.disk", wish.DiskIds ?? [], server.DiskIds ?? [], Remedy.Replace)
            .Number("interfaces", spec.Interfaces.Length, server.NicIds?.Length, Remedy.Replace)
            .Flag("suspended", spec.Suspended, IsSuspended(server, spec.Suspended), Remedy.InPlace)
            .Text("restartedAt", spec.RestartedAt, server.RestartedAt, Remedy.InPlace)
            .Number("terminationGraceSeconds", spec.TerminationGraceSeconds, server.StopGraceSeconds, Remedy.InPlace);
        // A server that we didn't make has no hash: what its guest was told can't be compared.
        if (server.ConfigHash is not null && server.ConfigHash != wish.ConfigHash)
            diff.Add(spec.Sandbox is null ? "machine" : "volumes", Remedy.Replace);
        if (wish.Containers is not { } containers)
            return diff;
        diff.Set("sandbox.containers", containers.Select(c => c.Name), (server.Containers ?? []).Select(c => c.Name), Remedy.Replace);
        foreach (var container in containers)
        {
            if (server.Containers?.FirstOrDefault(c => c.Name == container.Name) is not { } has)
                continue;
            diff.Text($"sandbox.containers[{container.Name}].image", container.Image, has.Image, Remedy.Replace);
            if (has.ConfigHash.Length > 0 && container.ConfigHash != has.ConfigHash)
                diff.Add($"sandbox.containers[{container.Name}]", Remedy.Replace);
        }

        return diff;
    }

    public static void CompareNic(SpecDiff diff, InterfaceSpec spec, CloudObject nic)
    {
        var wish = NicWish(spec);
        diff.Text($"interfaces[{spec.Name}].network", wish.NetworkId, nic.NetworkId, Remedy.Replace)
            .Set($"interfaces[{spec.Name}].subnets", wish.SubnetIds!.Value, nic.SubnetIds ?? [], Remedy.Replace)
            .Set($"interfaces[{spec.Name}].firewalls", wish.FirewallIds!.Value, nic.FirewallIds ?? [], Remedy.InPlace);
        if (spec.Addresses.Length > 0)
            diff.Set($"interfaces[{spec.Name}].addresses", spec.Addresses, nic.Addresses ?? [], Remedy.Replace);
    }

    public static void Validate(SimulatorContext context, InstanceSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        Check.Zone(desired, findings);
        if (desired.Sandbox is null == desired.Machine is null)
            findings.Add(new Finding { Path = "sandbox", Message = "Exactly one of sandbox and machine is set." });
        if (desired.Sandbox?.Containers.Length > SimulatorDescriptor.MaxContainers)
            findings.Add(new Finding { Path = "sandbox.containers", Capability = "maxContainers", Message = $"At most {SimulatorDescriptor.MaxContainers} containers run in one sandbox." });
        if (desired.Interfaces.Length is 0 or > SimulatorDescriptor.MaxInterfaces)
            findings.Add(new Finding { Path = "interfaces", Capability = "maxInterfaces", Message = $"A server has 1 to {SimulatorDescriptor.MaxInterfaces} interfaces." });
        if (desired.Volumes.Count(v => v.Disk?.Disk is not null) > SimulatorDescriptor.MaxDataDisks)
            findings.Add(new Finding { Path = "volumes", Capability = "maxDataDisks", Message = $"A server has at most {SimulatorDescriptor.MaxDataDisks} data disks." });
        foreach (var nic in desired.Interfaces)
        {
            if (nic.Network is null)
                findings.Add(new Finding { Path = $"interfaces[{nic.Name}].network", Message = "An interface of this platform needs a network." });
            if (nic.Ingress is not null)
                findings.Add(new Finding { Path = $"interfaces[{nic.Name}].ingress", Capability = "firewall", Message = "Rules are enforced by firewalls of their own here, not by the instance." });
            foreach (var address in nic.Addresses.Where(a => !IPAddress.TryParse(a, out _)))
                findings.Add(new Finding { Path = $"interfaces[{nic.Name}].addresses", Message = $"'{address}' is no address." });
        }

        if (BootVolume(desired)?.Type is { } type && Check.DiskType(context, type) is null)
            findings.Add(new Finding { Path = $"volumes[{desired.Machine!.BootVolume}].disk.type", Capability = "diskTypes", Message = $"Disk type {type} isn't known here; name it in the ProviderConfig's diskTypes." });
        if (desired.TerminationGraceSeconds is < 0 or > 3600)
            findings.Add(new Finding { Path = "terminationGraceSeconds", Message = "A guest has 0 to 3600 seconds to stop." });
        if (desired.Machine is { } machine)
        {
            if (BootVolume(desired)?.Image is not { } image)
                findings.Add(new Finding { Path = "machine.bootVolume", Message = $"There is no volume {machine.BootVolume} with an image." });
            else if (!context.Connection.Images.ContainsKey(image) && !image.StartsWith("datumcloud/", StringComparison.Ordinal))
                findings.Add(new Finding { Path = $"volumes[{machine.BootVolume}].disk.image", Capability = "images", Message = $"Image {image} isn't known here; name it in the ProviderConfig's images." });
        }
    }

    // Hashes cover what a guest is told at its start and can't be told again; payloads take part by the host's keyed hash.
    private static string GuestHash(InstanceSpec spec)
    {
        var told = spec with
        {
            Labels = ImmutableDictionary<string, string>.Empty,
            LocationJson = null,
            Hostname = "",
            Interfaces = [],
            Suspended = false,
            RestartedAt = null,
            TerminationGraceSeconds = null,
            Size = new InstanceSize { InstanceType = "", CpuMillis = 0, MemoryMiB = 0 },
            Sandbox = spec.Sandbox is { } s ? new SandboxSpec { Containers = [], PullSecrets = s.PullSecrets } : null,
            Volumes = [.. spec.Volumes.Select(v => v.Disk is { Disk: { } d } disk ? v with { Disk = disk with { Disk = new Reference { Name = d.Name } } } : v)],
        };
        return Hash(ContractJson.Write(told));
    }

    private static string ContainerHash(InstanceSpec spec, ContainerSpec container) => Hash(ContractJson.Write(spec with
    {
        Labels = ImmutableDictionary<string, string>.Empty,
        LocationJson = null,
        Hostname = "",
        Interfaces = [],
        Volumes = [],
        Suspended = false,
        RestartedAt = null,
        TerminationGraceSeconds = null,
        Size = new InstanceSize { InstanceType = "", CpuMillis = 0, MemoryMiB = 0 },
        Sandbox = new SandboxSpec { Containers = [container with { Image = "" }] },
    }));

    private static string Hash(JsonElement json) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(json.GetRawText())))[..32];
}
