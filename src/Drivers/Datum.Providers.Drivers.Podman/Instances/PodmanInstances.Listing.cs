using System.Globalization;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Instances;

internal sealed partial class PodmanInstances
{
    /// <summary>Three requests whatever the number of instances: pods, containers, secrets; and a look into each running pod's packet filter, which Podman doesn't know.</summary>
    public async ValueTask<Answer<ListPage<InstanceFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        if (Pages.Bad(ResourceKind.Instance, cursor) is { } bad)
            return bad;
        string[] labels = [$"{Marks.InstallKey}={query.Installation}", Session.KindLabel(ResourceKind.Instance)];
        var pods = await session.Podman.PodsAsync(call, labels);
        if (pods.Error is { } podsError)
            return podsError;
        var containers = await session.Podman.ContainersAsync(call, "label", labels);
        if (containers.Error is { } containersError)
            return containersError;
        var secrets = await session.Podman.SecretsAsync(call);
        if (secrets.Error is { } secretsError)
            return secretsError;

        var members = containers.Value!.Where(c => c.Pod is not null).ToLookup(c => c.Pod!, StringComparer.Ordinal);
        var items = ImmutableArray.CreateBuilder<Listed<InstanceFacts>>();
        foreach (var pod in pods.Value!)
        {
            if (Marks.Parse(pod.Labels ?? []) is not { Part: null } mark)
                continue;
            ImmutableArray<ContainerListItem> inside = [.. members[pod.Id].OrderBy(c => c.Id, StringComparer.Ordinal)];
            items.Add(Item(pod, mark, inside, await FilterAsync(call, inside)));
        }

        // What a removal that was cut off left behind.
        var seen = items.Select(i => i.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var left in secrets.Value!.Select(s => Payloads.InstanceOf(query.Installation, s.Spec.Name)).OfType<string>().Distinct(StringComparer.Ordinal))
            if (!seen.Contains(left))
                items.Add(new Listed<InstanceFacts>
                {
                    Name = left,
                    Incarnation = 0,
                    Parts = [new Part { Name = InstanceParts.Payload, Id = $"{Payloads.InstallationPrefix(query.Installation)}{left}-" }],
                    State = Lifecycle.Deleting,
                    Revision = "payload",
                });
        return Pages.Of(ResourceKind.Instance, items, query.PageSize, cursor);
    }

    // Empty where there is none or none can be read. A look shows it, so the revision must change with it (DC-60).
    private async ValueTask<string> FilterAsync(Call call, ImmutableArray<ContainerListItem> members)
    {
        if (session.Firewall.Unavailable is not null || members.FirstOrDefault(m => m.IsInfra && m.State == "running" && m.Pid > 0) is not { } infra)
            return "";
        var loaded = await session.Firewall.ReadAsync(string.Create(CultureInfo.InvariantCulture, $"/proc/{infra.Pid}/ns/net"), call.Cancellation);
        return loaded.Value?.ToString() ?? "";
    }

    private static Listed<InstanceFacts> Item(PodListItem pod, Mark mark, ImmutableArray<ContainerListItem> members, string filter)
    {
        // The infra container's process is in it: with a new one the network and its rules are new.
        var revision = Fingerprint.Hash([pod.Id, pod.Status ?? "", pod.InfraId ?? "", filter,
            .. members.Select(m => string.Create(CultureInfo.InvariantCulture, $"{m.Id}/{m.State}/{m.Pid}/{m.ExitCode}/{m.StartedAt}"))]);
        var own = members.Where(m => !m.IsInfra && m.Labels?.ContainsKey(InstanceParts.ContainerLabel) == true).ToList();
        var parts = ImmutableArray.CreateBuilder<Part>();
        parts.Add(new Part { Name = InstanceParts.Pod, Id = pod.Id });
        foreach (var member in own.OrderBy(m => m.Labels![InstanceParts.ContainerLabel], StringComparer.Ordinal))
            parts.Add(new Part { Name = InstanceParts.Container(member.Labels![InstanceParts.ContainerLabel]), Id = member.Id });
        var running = members.Any(m => m.IsInfra && m.State == "running") && own.Count > 0 && own.All(m => m.State == "running");
        var started = own.Any(m => m.State is not ("created" or "configured" or "initialized"));
        return new Listed<InstanceFacts>
        {
            Name = mark.Name,
            Incarnation = mark.Incarnation,
            Parts = parts.ToImmutable(),
            State = running ? Lifecycle.Ready : started ? Lifecycle.Degraded : Lifecycle.Creating,
            Revision = revision,
            CreatedAt = pod.Created,
        };
    }
}
