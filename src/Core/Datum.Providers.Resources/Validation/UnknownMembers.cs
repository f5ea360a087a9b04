using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.Resources.Validation;

/// <summary>Members of other API versions survive every round trip; what we can't honour of them is refused here, wherever it stands (law L11).</summary>
internal static class UnknownMembers
{
    public static void Check(InstanceSpec spec, string root, List<Violation> found)
    {
        void Check(KubeData? data, string path)
        {
            foreach (var name in data?.Unknown?.Keys.Order(StringComparer.Ordinal) ?? Enumerable.Empty<string>())
                found.Add(Rules.UnknownField.At($"{path}.{name}", "This host doesn't know the field; it would be dropped silently."));
        }

        void All<T>(List<T>? items, string path, Action<T, string>? inner = null) where T : KubeData
        {
            for (var i = 0; i < (items?.Count ?? 0); i++)
            {
                var at = ContainerRules.At(path, i);
                Check(items![i], at);
                inner?.Invoke(items[i], at);
            }
        }

        Check(spec, root);
        Check(spec.Runtime, $"{root}.runtime");
        Check(spec.Runtime.Resources, $"{root}.runtime.resources");
        Check(spec.Runtime.Sandbox, $"{root}.runtime.sandbox");
        All(spec.Runtime.Sandbox?.ImagePullSecrets, $"{root}.runtime.sandbox.imagePullSecrets");
        All(spec.Runtime.Sandbox?.Containers, $"{root}.runtime.sandbox.containers", (c, path) =>
        {
            Check(c.Resources, $"{path}.resources");
            All(c.Ports, $"{path}.ports");
            All(c.VolumeAttachments, $"{path}.volumeAttachments");
            All(c.Env, $"{path}.env", (e, at) =>
            {
                Check(e.ValueFrom, $"{at}.valueFrom");
                Check(e.ValueFrom?.ConfigMapKeyRef, $"{at}.valueFrom.configMapKeyRef");
                Check(e.ValueFrom?.SecretKeyRef, $"{at}.valueFrom.secretKeyRef");
                Check(e.ValueFrom?.FieldRef, $"{at}.valueFrom.fieldRef");
                Check(e.ValueFrom?.ResourceFieldRef, $"{at}.valueFrom.resourceFieldRef");
            });
            All(c.EnvFrom, $"{path}.envFrom", (e, at) =>
            {
                Check(e.ConfigMapRef, $"{at}.configMapRef");
                Check(e.SecretRef, $"{at}.secretRef");
            });
        });
        Check(spec.Runtime.VirtualMachine, $"{root}.runtime.virtualMachine");
        All(spec.Runtime.VirtualMachine?.Ports, $"{root}.runtime.virtualMachine.ports");
        All(spec.Runtime.VirtualMachine?.VolumeAttachments, $"{root}.runtime.virtualMachine.volumeAttachments");

        All(spec.NetworkInterfaces, $"{root}.networkInterfaces", (i, path) =>
        {
            Check(i.Network, $"{path}.network");
            Check(i.NetworkPolicy, $"{path}.networkPolicy");
            All(i.NetworkPolicy?.Ingress, $"{path}.networkPolicy.ingress", Ingress);
        });
        All(spec.Volumes, $"{root}.volumes", Volume);

        void Ingress(NetworkPolicyIngressRule rule, string path)
        {
            All(rule.Ports, $"{path}.ports");
            All(rule.From, $"{path}.from", (f, at) => Check(f.IpBlock, $"{at}.ipBlock"));
        }

        void Volume(InstanceVolume volume, string path)
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
            All(volume.ConfigMap?.Items, $"{path}.configMap.items");
            Check(volume.Secret, $"{path}.secret");
            All(volume.Secret?.Items, $"{path}.secret.items");
        }
    }
}
