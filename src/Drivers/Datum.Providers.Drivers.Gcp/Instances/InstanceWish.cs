using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Datum.Providers.Drivers.Gcp.Api;
using Datum.Providers.Drivers.Gcp.Kinds;

namespace Datum.Providers.Drivers.Gcp.Instances;

/// <summary>From an instance's wish to what the platform is sent.</summary>
internal sealed class InstanceWish(GcpContext context)
{
    private const int SandboxBootIndex = 0;
    private const int DefaultBootGiB = 25;

    /// <summary>What the platform asks guests to stop within; it can't be told otherwise in the API's older versions.</summary>
    private const int LongestGrace = 90;

    private static readonly ImmutableDictionary<string, string> Images = new Dictionary<string, string>
    {
        ["datumcloud/ubuntu-2204-lts"] = "projects/ubuntu-os-cloud/global/images/family/ubuntu-2204-lts",
        ["datumcloud/ubuntu-2404-lts"] = "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64",
    }.ToImmutableDictionary(StringComparer.Ordinal);

    public GuestOptions Options(Identity? id) => GuestOptions.For(GcpDescriptor.Describe().Capabilities, UserDataForm.CloudInit, context.Connection.AllowSecretsInUserData) with
    {
        Secrets = context.Settings.InstanceServiceAccount is not null ? SecretRoute.Store : context.Connection.AllowSecretsInUserData ? SecretRoute.UserData : SecretRoute.None,
        SecretsCommand = id is null ? ["true"] : SecretsCommand(id),
        Beacon = context.Settings.GuestBeacon == true ? new GuestBeacon { Route = BeaconRoute.Line, Target = "/dev/ttyS0", IntervalSeconds = 15 } : null,
    };

    /// <summary>Sandboxes need podman, machines bring what they need.</summary>
    public GuestOptions Options(Identity? id, InstanceSpec spec) => Options(id) with { Packages = spec.Sandbox is not null ? context.Settings.SandboxPackages : [] };

    public async ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, InstanceSpec desired)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        if (string.IsNullOrEmpty(GcpLocation.Parse(desired.LocationJson)?.Zone))
            findings.Add(new Finding { Path = "location.zone", Message = "The Location's gcp block needs a zone." });
        if (desired.Sandbox is null == desired.Machine is null)
            findings.Add(new Finding { Path = "sandbox", Message = "Either a sandbox or a machine is needed." });
        if (desired.Sandbox?.Containers.Length > GcpDescriptor.MaxContainers)
            findings.Add(new Finding { Path = "sandbox.containers", Capability = "maxContainers", Message = $"At most {GcpDescriptor.MaxContainers} containers." });
        if (desired.Volumes.Count(v => v.Disk?.Disk is not null) > GcpDescriptor.MaxDataDisks)
            findings.Add(new Finding { Path = "volumes", Capability = "maxDataDisks", Message = $"At most {GcpDescriptor.MaxDataDisks} data disks." });
        if (desired.TerminationGraceSeconds > LongestGrace)
            findings.Add(new Finding { Path = "terminationGraceSeconds", Capability = "terminationGrace", Message = $"The platform gives a guest about {LongestGrace} seconds to stop and no more." });
        if (MachineTypes.Choose(desired.Size).Finding is { } size)
            findings.Add(size);
        ValidateInterfaces(desired, findings);
        ValidateDisks(desired, findings);
        await ValidateGuestAsync(call, desired, findings);
        return findings.ToImmutable();
    }

    public static bool HasSecrets(InstanceSpec desired) => GuestPayloads.References(desired).Any(p => p.Secret);

    /// <summary>Whether the wish's secrets go through the store.</summary>
    public bool UsesStore(InstanceSpec desired) => context.Settings.InstanceServiceAccount is not null && HasSecrets(desired);

    /// <summary>The image that a wish names, before it is resolved.</summary>
    public MapResult<string> ImageOf(InstanceSpec desired)
    {
        if (desired.Sandbox is not null)
            return new MapResult<string> { Value = context.Connection.Images.GetValueOrDefault("datumcloud/sandbox") ?? context.Settings.SandboxImage };
        var boot = BootOf(desired);
        return boot?.Image is { } name ? NameMap.Images(Images, context.Connection).Find(name, $"volumes[{desired.Machine!.BootVolume}].disk.image")
            : new MapResult<string> { Finding = new Finding { Path = "machine.bootVolume", Message = "A machine boots from a disk volume with an image." } };
    }

    public GcpInstance ToInsert(Identity id, InstanceSpec desired, string zone, string machineType, string image, GuestBootstrap guest)
    {
        var name = ResourceNames.For(id, GcpContext.Names);
        var spec = GuestFingerprint.Write(GuestFingerprint.Of(desired, Options(id, desired)));
        return new GcpInstance
        {
            Name = name,
            MachineType = context.Reference($"zones/{zone}/machineTypes/{machineType}"),
            Labels = GcpContext.LabelsOf(id, desired),
            Tags = new Tags { Items = [.. InstanceView.Tags(desired)] },
            Metadata = new Metadata
            {
                Items =
                [
                    new() { Key = "user-data", Value = Encoding.UTF8.GetString(guest.UserData.Span) },
                    new() { Key = InstanceView.SpecKey, Value = spec },
                    new() { Key = InstanceView.RestartKey, Value = desired.RestartedAt ?? "" },
                    // Only the keys of the wish: those of the whole project are others'.
                    new() { Key = "block-project-ssh-keys", Value = "TRUE" },
                ],
            },
            Disks = [BootDisk(id, desired, zone, name, image), .. DataDisks(desired)],
            NetworkInterfaces = [.. desired.Interfaces.Select(Interface)],
            ServiceAccounts = context.Settings.InstanceServiceAccount is { } account
                ? [new ServiceAccount { Email = account, Scopes = ["https://www.googleapis.com/auth/cloud-platform"] }] : null,
            Scheduling = new Scheduling { AutomaticRestart = true, OnHostMaintenance = "MIGRATE" },
        };
    }

    public string DiskTypeOf(InstanceSpec desired) => DiskTypes.Find(context.Connection, BootOf(desired)?.Type, "type").Value ?? DiskTypes.Standard;

    private static DiskVolume? BootOf(InstanceSpec desired) => desired.Machine is { } machine ? desired.Volumes.FirstOrDefault(v => v.Name == machine.BootVolume)?.Disk : null;

    private AttachedDisk BootDisk(Identity id, InstanceSpec desired, string zone, string name, string image)
    {
        var boot = BootOf(desired);
        return new AttachedDisk
        {
            Boot = true,
            // It lives and dies with the instance.
            AutoDelete = true,
            DeviceName = boot?.DeviceName ?? "datum-boot",
            InitializeParams = new DiskParameters
            {
                DiskName = name,
                SourceImage = image,
                DiskSizeGb = (boot?.SizeGiB ?? (desired.Sandbox is not null ? context.Settings.SandboxDiskGiB!.Value : DefaultBootGiB)).ToString(CultureInfo.InvariantCulture),
                DiskType = context.Reference($"zones/{zone}/diskTypes/{id.Resolved.GetValueOrDefault("bootDiskType") ?? DiskTypeOf(desired)}"),
                Labels = GcpContext.LabelsOf(id, desired, InstanceView.Boot),
            },
        };
    }

    private IEnumerable<AttachedDisk> DataDisks(InstanceSpec desired) => desired.Volumes.Where(v => v.Disk?.Disk is not null).Select(v => new AttachedDisk
    {
        Boot = false,
        AutoDelete = false,
        DeviceName = v.Disk!.DeviceName,
        Source = v.Disk.Disk!.ProviderId is { } path ? context.Reference(path) : null,
        Mode = "READ_WRITE",
    });

    private NetworkInterface Interface(InterfaceSpec wish, int index) => new()
    {
        Network = wish.Network?.ProviderId is { } network ? context.Reference(network) : null,
        Subnetwork = wish.Subnets.FirstOrDefault()?.ProviderId is { } subnet ? context.Reference(subnet) : null,
        NetworkIP = wish.Addresses.FirstOrDefault(),
        StackType = "IPV4_ONLY",
        AccessConfigs = index == SandboxBootIndex && context.Settings.ExternalAddresses == "Ephemeral"
            ? [new AccessConfig { Name = "External NAT", Type = "ONE_TO_ONE_NAT", NetworkTier = context.Settings.NetworkTier }] : null,
    };

    /// <summary>Prints the secrets document in the guest: a token of the instance's own account, then the newest version of its secret.</summary>
    private ImmutableArray<string> SecretsCommand(Identity id)
    {
        var store = context.Settings.Endpoints.SecretManager ?? context.Connection.Endpoint?.GetLeftPart(UriPartial.Authority) ?? "https://secretmanager.googleapis.com";
        var address = $"{store.TrimEnd('/')}/v1/projects/{context.Api.Project}/{SecretStore.PathOf(id, InstanceView.Secret)}/versions/latest:access";
        return
        [
            "python3", "-c",
            "import base64,json,sys,urllib.request as u;"
            + "r=u.Request('http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token',headers={'Metadata-Flavor':'Google'});"
            + "t=json.load(u.urlopen(r,timeout=10))['access_token'];"
            + "r=u.Request(sys.argv[1],headers={'Authorization':'Bearer '+t});"
            + "sys.stdout.buffer.write(base64.b64decode(json.load(u.urlopen(r,timeout=30))['payload']['data']))",
            address,
        ];
    }

    private static void ValidateInterfaces(InstanceSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (desired.Interfaces.Length is 0 or > GcpDescriptor.MaxInterfaces)
            findings.Add(new Finding { Path = "interfaces", Capability = "maxInterfaces", Message = $"1 to {GcpDescriptor.MaxInterfaces} interfaces are possible." });
        foreach (var (nic, index) in desired.Interfaces.Select((n, i) => (n, i)))
        {
            var path = $"interfaces[{nic.Name}]";
            if (nic.Network is null)
                findings.Add(new Finding { Path = path + ".network", Message = "An interface is in a network." });
            else if (desired.Interfaces.Take(index).Any(o => o.Network?.Name == nic.Network.Name))
                findings.Add(new Finding { Path = path + ".network", Capability = "maxInterfaces", Message = "The platform wants each interface in a network of its own." });
            if (nic.Subnets.Length != 1)
                findings.Add(new Finding { Path = path + ".subnets", Message = $"An interface is in one subnet, and {nic.Subnets.Length} are named." });
            if (nic.Ingress is not null)
                findings.Add(new Finding { Path = path + ".ingress", Capability = "firewall", Message = "Rules are enforced by firewalls of their own; refer to them." });
            if (nic.Addresses.Length > 1 || nic.Addresses.Any(a => !IPAddress.TryParse(a, out var parsed) || parsed.AddressFamily != AddressFamily.InterNetwork))
                findings.Add(new Finding { Path = path + ".addresses", Message = "At most one IPv4 address can be chosen." });
        }
    }

    private void ValidateDisks(InstanceSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (desired.Sandbox is null && desired.Machine is null)
            return;
        if (ImageOf(desired).Finding is { } image)
            findings.Add(image.Path.EndsWith("image", StringComparison.Ordinal) ? image with { Capability = "images" } : image);
        foreach (var volume in desired.Volumes)
        {
            var boot = desired.Machine?.BootVolume == volume.Name;
            if (volume.Disk is { Disk: null } && !boot)
                findings.Add(new Finding { Path = $"volumes[{volume.Name}].disk", Message = "Only a machine's boot volume has no disk entry of its own." });
            if (!boot || volume.Disk is not { } disk)
                continue;
            if (disk.SizeGiB is < 10 or > 65536)
                findings.Add(new Finding { Path = $"volumes[{volume.Name}].disk.sizeGiB", Message = "A boot disk has 10 to 65536 GiB." });
            if (DiskTypes.Find(context.Connection, disk.Type, $"volumes[{volume.Name}].disk.type").Finding is { } type)
                findings.Add(type with { Capability = "diskTypes" });
        }
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

        var guest = GuestBootstrap.Render(desired, payloads, Options(null, desired) with { SecretsCommand = ["true"] });
        findings.AddRange(guest.Findings);
        if (guest.Secrets is { Length: > SecretStore.MaxBytes } secrets)
            findings.Add(new Finding { Path = desired.Sandbox is not null ? "sandbox" : "volumes", Capability = "secrets", Message = $"The instance's secrets are {secrets.Length} bytes together and the platform's store takes {SecretStore.MaxBytes}." });
    }
}
