using System.Collections.Concurrent;
using System.Text;
using System.Text.RegularExpressions;
using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>
/// Looks at the config maps and secrets of the deployments that ask for it, one read each in a <see cref="Period"/>. A watch would need
/// the right to see every secret of the plane.
/// </summary>
internal sealed partial class PayloadWatch(CorePlane plane)
{
    public static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, (DateTimeOffset Due, string Names, string? Problem)> _looks = new(StringComparer.Ordinal);

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z")]
    private static partial Regex ObjectName { get; }

    /// <summary>The deployment with what was seen, when the next look is due (null: never), and what couldn't be read.</summary>
    public async Task<(WorkloadDeployment Deployment, DateTimeOffset? Next, string? Problem)> LookAsync(WorkloadDeployment deployment, CancellationToken cancellation)
    {
        var uid = deployment.Metadata.Uid ?? "";
        var named = PayloadVersions.NamedBy(deployment.Spec.Template.Spec);
        // Switched off, what was seen stays: otherwise that alone would replace instances.
        if (!DeploymentOptions.Of(deployment).RolloutOnChange || named.Count == 0)
        {
            Forget(uid);
            return (deployment, null, null);
        }

        var names = string.Join(' ', named.Select(n => n.Key));
        var due = plane.Now + Period;
        if (_looks.TryGetValue(uid, out var look) && look.Names == names && plane.Now < look.Due)
            return (deployment, look.Due, look.Problem);

        var versions = PayloadVersions.Of(deployment);
        versions.Keep(named);
        var problems = new List<string>();
        foreach (var payload in named)
        {
            try
            {
                versions.See(payload, await HashAsync(deployment.Metadata.Namespace, payload, cancellation));
            }
            catch (KubernetesException e) when (!e.IsConflict)
            {
                problems.Add($"{payload.Key} ({e.Code})");
            }
        }

        var problem = problems.Count == 0 ? null : $"Changes of {string.Join(", ", problems)} can't be seen.";
        var after = plane.WorkloadDeployments.Copy(deployment);
        if (versions.ToAnnotation() is { } annotation)
            (after.Metadata.Annotations ??= [])[Annotations.PayloadVersions] = annotation;
        else
            after.Metadata.Annotations?.Remove(Annotations.PayloadVersions);
        deployment = await plane.WorkloadDeployments.UpdateAsync(deployment, after, cancellation);
        _looks[uid] = (due, names, problem);
        return (deployment, due, problem);
    }

    public void Forget(string uid) => _looks.TryRemove(uid, out _);

    private async Task<string?> HashAsync(string? ns, NamedPayload payload, CancellationToken cancellation)
    {
        // A name with a slash or dots alone would be another object's path.
        if (payload.Name.Length > 253 || !ObjectName.IsMatch(payload.Name))
            return null;
        var key = new ObjectKey(ns, payload.Name);
        if (payload.Secret)
        {
            return await plane.Client.FindAsync(Core.Secrets, key, cancellation) is { } secret
                ? PayloadVersions.HashOf(secret.Metadata.Uid ?? "", (secret.Data ?? []).Select(d => KeyValuePair.Create(d.Key, (ReadOnlyMemory<byte>)d.Value)))
                : null;
        }

        return await plane.Client.FindAsync(Core.ConfigMaps, key, cancellation) is { } map
            ? PayloadVersions.HashOf(map.Metadata.Uid ?? "",
            [
                .. (map.Data ?? []).Select(d => KeyValuePair.Create(d.Key, (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(d.Value))),
                .. (map.BinaryData ?? []).Select(d => KeyValuePair.Create(d.Key, (ReadOnlyMemory<byte>)d.Value)),
            ])
            : null;
    }
}
