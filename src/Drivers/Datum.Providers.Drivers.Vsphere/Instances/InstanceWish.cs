using System.Globalization;
using Datum.Providers.Drivers.Vsphere.Kinds;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Instances;

/// <summary>What an instance's wish asks for: checks, sizes, templates, the bootstrap.</summary>
internal sealed class InstanceWish(VsphereContext context)
{
    private const int DefaultBootGiB = 25;
    private const string SandboxImage = "datumcloud/sandbox";

    private static readonly ImmutableDictionary<string, string> Images = new Dictionary<string, string>
    {
        ["datumcloud/ubuntu-2204-lts"] = "ubuntu-2204-lts",
        ["datumcloud/ubuntu-2404-lts"] = "ubuntu-2404-lts",
        [SandboxImage] = "datum-sandbox",
    }.ToImmutableDictionary(StringComparer.Ordinal);

    /// <summary>Options of the bootstrap; the disks' serials are known once they are attached.</summary>
    public GuestOptions Options(InstanceSpec spec, ImmutableDictionary<string, string>? serials = null) =>
        GuestOptions.For(VsphereDescriptor.Describe().Capabilities, UserDataForm.CloudInit, context.Connection.AllowSecretsInUserData) with
        {
            Base64 = true,
            // A guest that doesn't report can't say that it has unpacked its medium, which would lie there for ever.
            Secrets = context.Settings.GuestBeacon == true ? SecretRoute.SeedMedium : SecretRoute.UserData,
            // Cards get the names of the wish.
            InterfaceDevices = spec.Interfaces.ToImmutableDictionary(i => i.Name, i => i.Name, StringComparer.Ordinal),
            DiskSerials = serials ?? spec.Volumes.Where(v => v.Disk?.Disk is not null).GroupBy(v => v.Disk!.DeviceName, StringComparer.Ordinal).ToImmutableDictionary(g => g.Key, _ => new string('0', 32), StringComparer.Ordinal),
            Beacon = context.Settings.GuestBeacon == true ? new GuestBeacon { Route = BeaconRoute.GuestInfo, Target = Machine.BeaconKey, IntervalSeconds = 15 } : null,
            Packages = spec.Sandbox is not null ? context.Settings.SandboxPackages : [],
        };

    public static int Cpus(InstanceSize size) => Native(size)?.Cpus ?? Math.Max(1, (size.CpuMillis + 999) / 1000);

    /// <summary>A multiple of 4 MiB, as the platform wants it.</summary>
    public static int MemoryMiB(InstanceSize size) => ((Native(size)?.MemoryMiB ?? size.MemoryMiB) + 3) / 4 * 4;

    public int BootGiB(InstanceSpec desired) => BootOf(desired)?.SizeGiB ?? (desired.Sandbox is not null ? context.Settings.SandboxDiskGiB!.Value : DefaultBootGiB);

    public static DiskVolume? BootOf(InstanceSpec desired) => desired.Machine is { } machine ? desired.Volumes.FirstOrDefault(v => v.Name == machine.BootVolume)?.Disk : null;

    public static IEnumerable<VolumeSpec> DataVolumes(InstanceSpec desired) => desired.Volumes.Where(v => v.Disk?.Disk is not null);

    /// <summary>The template's path in the inventory, or <c>library:</c> and an item.</summary>
    public MapResult<string> TemplateOf(InstanceSpec desired)
    {
        var boot = BootOf(desired);
        var name = desired.Sandbox is not null ? SandboxImage : boot?.Image;
        if (name is null)
            return new MapResult<string> { Finding = new Finding { Path = "machine.bootVolume", Message = "A machine boots from a disk volume with an image." } };
        var found = NameMap.Images(Images, context.Connection).Find(name, desired.Sandbox is not null ? "sandbox" : $"volumes[{desired.Machine!.BootVolume}].disk.image");
        if (found.Value is not { } native || native.StartsWith('/') || native.StartsWith(ContentLibrary.Prefix, StringComparison.Ordinal))
            return found;
        var at = VsphereLocation.Parse(desired.LocationJson);
        return new MapResult<string> { Value = $"/{at.Datacenter}/vm/{(context.Settings.TemplateFolder is { } folder ? folder.Trim('/') + "/" : "")}{native}" };
    }

    public async ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, InstanceSpec desired)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        VsphereLocation.Parse(desired.LocationJson).Validate(findings, computes: true);
        if (desired.Sandbox is null == desired.Machine is null)
            findings.Add(new Finding { Path = "sandbox", Message = "Either a sandbox or a machine is needed." });
        if (desired.Sandbox?.Containers.Length > VsphereDescriptor.MaxContainers)
            findings.Add(new Finding { Path = "sandbox.containers", Capability = "maxContainers", Message = $"At most {VsphereDescriptor.MaxContainers} containers." });
        if (DataVolumes(desired).Count() > VsphereDescriptor.MaxDataDisks)
            findings.Add(new Finding { Path = "volumes", Capability = "maxDataDisks", Message = $"At most {VsphereDescriptor.MaxDataDisks} data disks." });
        if (desired.Size.Native is { Length: > 0 } native && Native(desired.Size) is null)
            findings.Add(new Finding { Path = "size.native", Message = $"'{native}' isn't processors and MiB, such as 4x16384." });
        if (Cpus(desired.Size) > 768 || MemoryMiB(desired.Size) > 24 * 1024 * 1024)
            findings.Add(new Finding { Path = "size", Capability = "size", Message = "A machine has at most 768 processors and 24 TiB." });
        if (Native(desired.Size) is { } own && (own.Cpus * 1000 < desired.Size.CpuMillis || own.MemoryMiB < desired.Size.MemoryMiB))
            findings.Add(new Finding { Path = "size.native", Message = $"{desired.Size.Native} is less than {desired.Size.InstanceType} has." });
        ValidateInterfaces(desired, findings);
        ValidateDisks(desired, findings);
        await ValidateGuestAsync(call, desired, findings);
        return findings.ToImmutable();
    }

    /// <summary>The bootstrap, or why there is none.</summary>
    public async ValueTask<(GuestBootstrap? Guest, DriverError? Error)> RenderAsync(Call call, InstanceSpec desired, ImmutableDictionary<string, string>? serials)
    {
        var payloads = GuestPayloads.Empty;
        if (GuestPayloads.References(desired).Any())
        {
            if (call.Payloads is null)
                return (null, VimErrors.Refused(ErrorCode.Invalid, "The call brings no payloads, but the instance names some."));
            payloads = await GuestPayloads.ReadAsync(call, desired);
            if (GuestPayloads.References(desired).FirstOrDefault(p => !p.Optional && payloads.Find(p) is null) is { } missing)
                return (null, VimErrors.Refused(ErrorCode.Invalid, $"The {(missing.Secret ? "secret" : "config map")} {missing.Name} isn't there."));
        }

        var guest = GuestBootstrap.Render(desired, payloads, Options(desired, serials));
        var refusal = guest.Findings.FirstOrDefault(f => !f.Tolerated);
        return refusal is null ? (guest, null)
            : (null, VimErrors.Refused(refusal.Capability is null ? ErrorCode.Invalid : ErrorCode.Unsupported, refusal.Message) with { Field = refusal.Path });
    }

    private static (int Cpus, int MemoryMiB)? Native(InstanceSize size) =>
        size.Native?.Split('x') is [var cpus, var memory] && int.TryParse(cpus, NumberStyles.None, CultureInfo.InvariantCulture, out var c) && c > 0
        && int.TryParse(memory, NumberStyles.None, CultureInfo.InvariantCulture, out var m) && m > 0 ? (c, m) : null;

    private static void ValidateInterfaces(InstanceSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (desired.Interfaces.Length is 0 or > VsphereDescriptor.MaxInterfaces)
            findings.Add(new Finding { Path = "interfaces", Capability = "maxInterfaces", Message = $"1 to {VsphereDescriptor.MaxInterfaces} interfaces are possible." });
        foreach (var nic in desired.Interfaces)
        {
            var path = $"interfaces[{nic.Name}]";
            if (nic.Network is null)
                findings.Add(new Finding { Path = path + ".network", Message = "An interface is in a network." });
            if (nic.Name.Length is 0 or > 15 || nic.Name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')))
                findings.Add(new Finding { Path = path + ".name", Message = $"'{nic.Name}' is no device name of Linux." });
            if (nic.Firewalls.Length > 0)
                findings.Add(new Finding { Path = path + ".firewalls", Capability = "firewall", Message = "Rules are enforced in the guest; write them at the interface." });
            foreach (var range in nic.Ranges)
                if (!Cidr.TryParse(range, out _))
                    findings.Add(new Finding { Path = path + ".ranges", Message = $"'{range}' is no prefix with zero host bits." });
            foreach (var text in nic.Addresses)
                if (!IPAddress.TryParse(text, out var address))
                    findings.Add(new Finding { Path = path + ".addresses", Message = $"'{text}' is no address." });
                else if (!nic.Ranges.Any(r => Cidr.TryParse(r, out var cidr) && cidr.Contains(address)))
                    findings.Add(new Finding { Path = path + ".addresses", Message = $"{text} is in none of the interface's ranges." });
        }
    }

    private void ValidateDisks(InstanceSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (desired.Sandbox is null == desired.Machine is null)
            return;
        if (TemplateOf(desired).Finding is { } image)
            findings.Add(image.Path.EndsWith("image", StringComparison.Ordinal) || image.Path == "sandbox" ? image with { Capability = "images" } : image);
        foreach (var volume in desired.Volumes)
        {
            var boot = desired.Machine?.BootVolume == volume.Name;
            if (volume.Disk is { Disk: null } && !boot)
                findings.Add(new Finding { Path = $"volumes[{volume.Name}].disk", Message = "Only a machine's boot volume has no disk entry of its own." });
            if (!boot || volume.Disk is not { } disk)
                continue;
            if (disk.SizeGiB is < 1 or > 63488)
                findings.Add(new Finding { Path = $"volumes[{volume.Name}].disk.sizeGiB", Message = "A boot disk has 1 to 63488 GiB." });
            if (DiskTypes.Find(context.Connection, disk.Type, $"volumes[{volume.Name}].disk.type").Finding is { } type)
                findings.Add(type with { Capability = "diskTypes" });
        }
    }

    private async ValueTask ValidateGuestAsync(Call call, InstanceSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (desired.Sandbox is null == desired.Machine is null || desired.Interfaces.IsEmpty)
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

        findings.AddRange(GuestBootstrap.Render(desired, payloads, Options(desired)).Findings);
    }
}
