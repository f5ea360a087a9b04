using System.Globalization;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Instances;

/// <summary>Bodies of the create requests: pure functions of identity, wish and settings.</summary>
internal static class InstanceBodies
{
    private const long CpuPeriod = 100_000;

    public static PodCreate Pod(Identity id, InstanceSpec spec, PodmanSettings settings)
    {
        var network = spec.Interfaces[0];
        return new PodCreate
        {
            Name = PodmanNames.For(id),
            Hostname = spec.Hostname,
            InfraName = PodmanNames.For(id, "infra"),
            Labels = PodLabels(id, spec, settings),
            Networks = ImmutableDictionary<string, PodNetwork>.Empty.Add(NetworkName(network), new PodNetwork
            {
                InterfaceName = network.Name,
                StaticIps = network.Addresses.IsEmpty ? null : network.Addresses,
            }),
            Limits = settings.EnforceLimits ? Limits(spec.Size.CpuMillis, spec.Size.MemoryMiB) : null,
        };
    }

    public static ContainerCreate Container(Identity id, InstanceSpec spec, ContainerSpec container, string pod, string image, ContainerPayload payload, PodmanSettings settings) => new()
    {
        Name = ContainerName(id, container.Name),
        Pod = pod,
        Image = image,
        Labels = Marks.ToPairs(Marks.For(id, InstanceParts.Container(container.Name)))
            .SetItem(InstanceParts.ContainerLabel, container.Name)
            .SetItem(InstanceParts.SpecLabel, Fingerprint.Write(Fingerprint.OfContainer(spec, container))),
        Entrypoint = container.Command.IsEmpty ? null : container.Command,
        Command = container.Args.IsEmpty ? null : container.Args,
        Env = payload.Environment.IsEmpty ? null : payload.Environment,
        SecretEnv = payload.SecretEnvironment.IsEmpty ? null : payload.SecretEnvironment,
        Secrets = payload.Files.IsEmpty ? null : payload.Files,
        Volumes = Volumes(spec, container) is { IsEmpty: false } volumes ? volumes : null,
        Limits = settings.EnforceLimits ? Limits(container.Limits?.CpuMillis, container.Limits?.MemoryMiB) : null,
        StopTimeout = Fingerprint.Grace(spec),
    };

    public static string ContainerName(Identity id, string container) => PodmanNames.For(id, $"c-{container}");

    /// <summary>The network's name at Podman, which is its provider id.</summary>
    public static string NetworkName(InterfaceSpec network) => network.Network?.ProviderId ?? $"{ResourceNames.Prefix(ResourceKind.Network)}-{network.Network?.Name}";

    private static ImmutableDictionary<string, string> PodLabels(Identity id, InstanceSpec spec, PodmanSettings settings)
    {
        var labels = Marks.ToPairs(Marks.For(id)).SetItem(InstanceParts.SpecLabel, Fingerprint.Write(Fingerprint.OfPod(spec)));
        return settings.EnforceLimits ? labels.SetItem(InstanceParts.CpuLabel, (Quota(spec.Size.CpuMillis) * 1000 / CpuPeriod).ToString(CultureInfo.InvariantCulture)) : labels;
    }

    private static ImmutableArray<VolumeMount> Volumes(InstanceSpec spec, ContainerSpec container) =>
    [
        .. from mount in container.Mounts
           from volume in spec.Volumes
           where volume.Name == mount.Volume && volume.Disk?.Disk is not null
           select new VolumeMount
           {
               Name = volume.Disk!.Disk!.ProviderId ?? $"{ResourceNames.Prefix(ResourceKind.Disk)}-{volume.Disk.Disk.Name}",
               Dest = mount.Path!,
               Options = [mount.ReadOnly ? "ro" : "rw"],
           },
    ];

    private static ResourceLimits? Limits(int? cpuMillis, int? memoryMiB) => cpuMillis is null && memoryMiB is null ? null : new ResourceLimits
    {
        Cpu = cpuMillis is { } cpu ? new CpuLimit { Quota = Quota(cpu), Period = CpuPeriod } : null,
        Memory = memoryMiB is { } memory ? new MemoryLimit { Limit = memory * 1024L * 1024L } : null,
    };

    // The kernel takes no quota below a millisecond.
    private static long Quota(int cpuMillis) => Math.Max(1000, cpuMillis * CpuPeriod / 1000);
}
