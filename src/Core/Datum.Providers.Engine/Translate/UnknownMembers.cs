using Datum.Providers.Resources.Networking;
using Compute = Datum.Providers.Resources.Compute;

namespace Datum.Providers.Engine.Translate;

/// <summary>Members of other API versions survive every round trip; what we can't honour of them is refused here, wherever it stands (law L11).</summary>
internal static class UnknownMembers
{
    public static void Refuse(Compute.InstanceSpec spec, List<Finding> findings)
    {
        void Check(KubeData? data, string path)
        {
            foreach (var name in data?.Unknown?.Keys.Order(StringComparer.Ordinal) ?? Enumerable.Empty<string>())
                findings.Add(new Finding { Path = $"{path}.{name}", Message = "This host doesn't know the field; it would be dropped silently." });
        }

        void All<T>(IEnumerable<T>? items, Func<T, string> path, Action<T, string>? inner = null) where T : KubeData
        {
            foreach (var item in items ?? [])
            {
                Check(item, path(item));
                inner?.Invoke(item, path(item));
            }
        }

        Check(spec, "spec");
        Check(spec.Runtime, "spec.runtime");
        Check(spec.Runtime.Resources, "spec.runtime.resources");
        Check(spec.Runtime.Sandbox, "spec.runtime.sandbox");
        All(spec.Runtime.Sandbox?.ImagePullSecrets, s => $"spec.runtime.sandbox.imagePullSecrets[{s.Name}]");
        All(spec.Runtime.Sandbox?.Containers, c => $"spec.runtime.sandbox.containers[{c.Name}]", (c, path) =>
        {
            Check(c.Resources, $"{path}.resources");
            All(c.Ports, p => $"{path}.ports[{p.Name}]");
            All(c.VolumeAttachments, v => $"{path}.volumeAttachments[{v.Name}]");
            All(c.Env, e => $"{path}.env[{e.Name}]", (e, at) =>
            {
                Check(e.ValueFrom, $"{at}.valueFrom");
                Check(e.ValueFrom?.ConfigMapKeyRef, $"{at}.valueFrom.configMapKeyRef");
                Check(e.ValueFrom?.SecretKeyRef, $"{at}.valueFrom.secretKeyRef");
                Check(e.ValueFrom?.FieldRef, $"{at}.valueFrom.fieldRef");
                Check(e.ValueFrom?.ResourceFieldRef, $"{at}.valueFrom.resourceFieldRef");
            });
            All(c.EnvFrom, e => $"{path}.envFrom[{e.ConfigMapRef?.Name ?? e.SecretRef?.Name}]", (e, at) =>
            {
                Check(e.ConfigMapRef, $"{at}.configMapRef");
                Check(e.SecretRef, $"{at}.secretRef");
            });
        });
        Check(spec.Runtime.VirtualMachine, "spec.runtime.virtualMachine");
        All(spec.Runtime.VirtualMachine?.Ports, p => $"spec.runtime.virtualMachine.ports[{p.Name}]");
        All(spec.Runtime.VirtualMachine?.VolumeAttachments, v => $"spec.runtime.virtualMachine.volumeAttachments[{v.Name}]");

        All(spec.NetworkInterfaces, i => $"spec.networkInterfaces[{spec.NetworkInterfaces.IndexOf(i)}]", (i, path) =>
        {
            Check(i.Network, $"{path}.network");
            Check(i.NetworkPolicy, $"{path}.networkPolicy");
            All(i.NetworkPolicy?.Ingress, _ => $"{path}.networkPolicy.ingress", Rule);
        });
        All(spec.Volumes, v => $"spec.volumes[{v.Name}]", Volume);

        void Rule(NetworkPolicyIngressRule rule, string path)
        {
            All(rule.Ports, p => $"{path}.ports[{p.Port}]");
            All(rule.From, _ => $"{path}.from", (f, at) => Check(f.IpBlock, $"{at}.ipBlock"));
        }

        void Volume(Compute.InstanceVolume volume, string path)
        {
            Check(volume.Disk, $"{path}.disk");
            Check(volume.Disk?.Template, $"{path}.disk.template");
            Check(volume.Disk?.Template.Metadata, $"{path}.disk.template.metadata");
            Check(volume.Disk?.Template.Spec, $"{path}.disk.template.spec");
            Check(volume.Disk?.Template.Spec.Resources, $"{path}.disk.template.spec.resources");
            Check(volume.Disk?.Template.Spec.Populator, $"{path}.disk.template.spec.populator");
            Check(volume.Disk?.Template.Spec.Populator?.Image, $"{path}.disk.template.spec.populator.image");
            Check(volume.Disk?.Template.Spec.Populator?.Filesystem, $"{path}.disk.template.spec.populator.filesystem");
            Check(volume.ConfigMap, $"{path}.configMap");
            All(volume.ConfigMap?.Items, i => $"{path}.configMap.items[{i.Key}]");
            Check(volume.Secret, $"{path}.secret");
            All(volume.Secret?.Items, i => $"{path}.secret.items[{i.Key}]");
        }
    }
}
