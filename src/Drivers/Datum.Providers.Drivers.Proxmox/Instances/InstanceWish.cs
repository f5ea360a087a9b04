using System.Globalization;
using System.Net;
using Datum.Providers.Drivers.Proxmox.Kinds;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>What an instance's wish means at this platform, and what of it can't be had.</summary>
internal sealed class InstanceWish(ProxmoxContext context)
{
    public const string BeaconFile = "/run/datum-beacon.json";
    public const string SecretsFile = "/run/datum-secrets.tar";

    /// <summary>Where the guest notes which secrets it has.</summary>
    public const string RevisionFile = "/var/lib/datum/secrets/.revision";

    private const int DefaultBootGiB = 25;
    private const int LongestGrace = 3600;

    private static readonly ImmutableDictionary<string, string> Images = new Dictionary<string, string>
    {
        ["datumcloud/ubuntu-2204-lts"] = "tag:ubuntu-2204-lts",
        ["datumcloud/ubuntu-2404-lts"] = "tag:ubuntu-2404-lts",
    }.ToImmutableDictionary(StringComparer.Ordinal);

    public bool UsesAgent => context.Settings.GuestAgent == true;

    public GuestOptions Options(InstanceSpec spec) => GuestOptions.For(ProxmoxDescriptor.Describe().Capabilities, UserDataForm.CloudInit, context.Connection.AllowSecretsInUserData) with
    {
        Secrets = UsesAgent ? SecretRoute.GuestChannel : context.Connection.AllowSecretsInUserData ? SecretRoute.UserData : SecretRoute.None,
        SecretsPath = SecretsFile,
        Beacon = UsesAgent ? new GuestBeacon { Route = BeaconRoute.File, Target = BeaconFile, IntervalSeconds = 15 } : null,
        DiskSerials = spec.Volumes.Where(v => v.Disk is not null).Select(v => v.Disk!.DeviceName).Distinct(StringComparer.Ordinal).ToImmutableDictionary(n => n, Serial, StringComparer.Ordinal),
        Packages = spec.Sandbox is not null ? context.Settings.SandboxPackages : UsesAgent ? context.Settings.MachinePackages : [],
    };

    /// <summary>Drives report twenty characters: a longer device name is its hash.</summary>
    public static string Serial(string deviceName) => deviceName.Length <= 20 ? deviceName
        : Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(deviceName)))[..20];

    public static bool HasSecrets(InstanceSpec desired) => GuestPayloads.References(desired).Any(p => p.Secret);

    /// <summary>Whether the wish's secrets go through the guest agent.</summary>
    public bool UsesChannel(InstanceSpec desired) => UsesAgent && HasSecrets(desired);

    /// <summary>The image that a wish names, before it is resolved.</summary>
    public MapResult<string> ImageOf(InstanceSpec desired)
    {
        if (desired.Sandbox is not null)
            return new MapResult<string> { Value = context.Connection.Images.GetValueOrDefault("datumcloud/sandbox") ?? context.Settings.SandboxImage };
        return BootOf(desired)?.Image is { } name ? NameMap.Images(Images, context.Connection).Find(name, $"volumes[{desired.Machine!.BootVolume}].disk.image")
            : new MapResult<string> { Finding = new Finding { Path = "machine.bootVolume", Message = "A machine boots from a disk volume with an image." } };
    }

    public string? StorageOf(InstanceSpec desired) => Storages.Find(context, ProxmoxLocation.Parse(desired.LocationJson), BootOf(desired)?.Type, "type").Value;

    public int BootGiB(InstanceSpec desired) => BootOf(desired)?.SizeGiB ?? (desired.Sandbox is not null ? context.Settings.SandboxDiskGiB!.Value : DefaultBootGiB);

    public static IEnumerable<DiskVolume> DataDisks(InstanceSpec desired) => desired.Volumes.Where(v => v.Disk?.Disk is not null).Select(v => v.Disk!);

    /// <summary>Processors and memory: the ProviderConfig's <c>CORES/MIB</c>, or what is wished for.</summary>
    public static (int Cores, int MemoryMiB, Finding? Finding) SizeOf(InstanceSize size)
    {
        if (size.Native is not { Length: > 0 } native)
            return (Math.Max(1, (size.CpuMillis + 999) / 1000), Math.Max(16, size.MemoryMiB), null);
        return native.Split('/') is [var cores, var memory] && int.TryParse(cores, NumberStyles.None, CultureInfo.InvariantCulture, out var c) && int.TryParse(memory, NumberStyles.None, CultureInfo.InvariantCulture, out var m) && c is > 0 and <= 1024 && m is >= 16 and <= 16 * 1024 * 1024
            ? (c, m, null) : (0, 0, new Finding { Path = "size.native", Message = $"'{native}' isn't of the form CORES/MIB, e.g. 2/8192." });
    }

    public async ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, InstanceSpec desired)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        if (desired.Sandbox is null == desired.Machine is null)
            findings.Add(new Finding { Path = "sandbox", Message = "Either a sandbox or a machine is needed." });
        if (desired.Sandbox?.Containers.Length > ProxmoxDescriptor.MaxContainers)
            findings.Add(new Finding { Path = "sandbox.containers", Capability = "maxContainers", Message = $"At most {ProxmoxDescriptor.MaxContainers} containers." });
        if (DataDisks(desired).Count() > ProxmoxDescriptor.MaxDataDisks)
            findings.Add(new Finding { Path = "volumes", Capability = "maxDataDisks", Message = $"At most {ProxmoxDescriptor.MaxDataDisks} data disks." });
        if (desired.TerminationGraceSeconds > LongestGrace)
            findings.Add(new Finding { Path = "terminationGraceSeconds", Capability = "terminationGrace", Message = $"A guest gets {LongestGrace} seconds to stop at most." });
        if (SizeOf(desired.Size).Finding is { } size)
            findings.Add(size);
        ValidateInterfaces(desired, findings);
        ValidateDisks(desired, findings);
        await ValidateFirewallAsync(call, desired, findings);
        await ValidateGuestAsync(call, desired, findings);
        return findings.ToImmutable();
    }

    private static DiskVolume? BootOf(InstanceSpec desired) => desired.Machine is { } machine ? desired.Volumes.FirstOrDefault(v => v.Name == machine.BootVolume)?.Disk : null;

    private static void ValidateInterfaces(InstanceSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (desired.Interfaces.Length is 0 or > ProxmoxDescriptor.MaxInterfaces)
            findings.Add(new Finding { Path = "interfaces", Capability = "maxInterfaces", Message = $"1 to {ProxmoxDescriptor.MaxInterfaces} interfaces are possible." });
        foreach (var nic in desired.Interfaces)
        {
            var path = $"interfaces[{nic.Name}]";
            if (nic.Network is null)
                findings.Add(new Finding { Path = path + ".network", Message = "An interface is in a network." });
            if (nic.Ingress is not null)
                findings.Add(new Finding { Path = path + ".ingress", Capability = "firewall", Message = "Rules are enforced by firewalls of their own; refer to them." });
            if (nic.Ranges.IsEmpty)
                findings.Add(new Finding { Path = path + ".ranges", Message = "An interface needs the range that its address is from: the platform gives none." });
            foreach (var range in nic.Ranges)
                if (!Cidr.TryParse(range, out _))
                    findings.Add(new Finding { Path = path + ".ranges", Message = $"'{range}' is no prefix with zero host bits." });
            foreach (var text in nic.Addresses)
                if (!IPAddress.TryParse(text, out var address))
                    findings.Add(new Finding { Path = path + ".addresses", Message = $"'{text}' is no address." });
                else if (!nic.Ranges.Any(r => Cidr.TryParse(r, out var range) && range.Contains(address)))
                    findings.Add(new Finding { Path = path + ".addresses", Message = $"{text} is in none of the interface's ranges." });
                else if (nic.Ranges.Any(r => Cidr.TryParse(r, out var range) && range.Contains(address) && (address.Equals(range.Gateway) || address.Equals(range.Network))))
                    findings.Add(new Finding { Path = path + ".addresses", Message = $"{text} is the network's own or its gateway's." });
            if (nic.Addresses.Length > nic.Ranges.Length)
                findings.Add(new Finding { Path = path + ".addresses", Message = "At most one address can be chosen of each range." });
        }
    }

    private void ValidateDisks(InstanceSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (desired.Sandbox is null && desired.Machine is null)
            return;
        if (ImageOf(desired) is var image && image.Finding is { } unknown)
            findings.Add(unknown.Path.EndsWith("image", StringComparison.Ordinal) ? unknown with { Capability = "images" } : unknown);
        else if (!ImageName.TryParse(image.Value!, out _))
            findings.Add(new Finding { Path = desired.Sandbox is not null ? "sandbox" : $"volumes[{desired.Machine!.BootVolume}].disk.image", Capability = "images", Message = $"'{image.Value}' isn't {ImageName.Forms}." });
        foreach (var volume in desired.Volumes)
        {
            var boot = desired.Machine?.BootVolume == volume.Name;
            if (volume.Disk is { Disk: null } && !boot)
                findings.Add(new Finding { Path = $"volumes[{volume.Name}].disk", Message = "Only a machine's boot volume has no disk entry of its own." });
            if (!boot || volume.Disk is not { } disk)
                continue;
            if (disk.SizeGiB is < 1 or > 65536)
                findings.Add(new Finding { Path = $"volumes[{volume.Name}].disk.sizeGiB", Message = "A boot disk has 1 to 65536 GiB." });
            if (Storages.Find(context, ProxmoxLocation.Parse(desired.LocationJson), disk.Type, $"volumes[{volume.Name}].disk.type").Finding is { } type)
                findings.Add(type with { Capability = "diskTypes" });
        }
    }

    /// <summary>With the data centre's firewall off no rule of any machine is enforced: that isn't passed over in silence.</summary>
    private async ValueTask ValidateFirewallAsync(Call call, InstanceSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (desired.Interfaces.FirstOrDefault(i => i.Firewalls.Length > 0) is not { } nic)
            return;
        var (on, error) = await context.Firewall.IsOnAsync(context.Api, call, fresh: true);
        if (error is null && !on)
            findings.Add(new Finding
            {
                Path = $"interfaces[{nic.Name}].firewalls", Capability = "firewall", Tolerated = context.Connection.AllowUnenforcedPolicies,
                Message = "The data centre's firewall is off, so that no rule is enforced: switch it on (Datacenter, Firewall, Options), or set allowUnenforcedPolicies in the ProviderConfig.",
            });
    }

    private async ValueTask ValidateGuestAsync(Call call, InstanceSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (desired.Sandbox is null == desired.Machine is null)
            return;
        var payloads = GuestPayloads.Empty;
        if (GuestPayloads.References(desired).Any())
        {
            if (call.Payloads is null)
                return;
            try
            {
                payloads = await GuestPayloads.ReadAsync(call, desired);
            }
            catch (InvalidOperationException)
            {
                // What can't be read now is left to the step that needs it (DC-14).
                return;
            }
        }

        var guest = GuestBootstrap.Render(desired, payloads, Options(desired));
        findings.AddRange(guest.Findings);
        if (guest.Secrets is { Length: > ProxmoxDescriptor.MaxSecrets } secrets)
            findings.Add(new Finding { Path = desired.Sandbox is not null ? "sandbox" : "volumes", Capability = "secrets", Message = $"The instance's secrets are {secrets.Length} bytes together and the guest agent takes {ProxmoxDescriptor.MaxSecrets}." });
    }
}
