namespace Datum.Providers.Resources.Validation;

/// <summary>Rules about what an instance is made from.</summary>
public static partial class Rules
{
    private const Asked Both = Asked.Webhook | Asked.Host;
    private const string Template = "Template";

    public static readonly Rule RuntimeOne = new("runtime.one", Template, "spec.runtime", "exactly one of sandbox and virtualMachine", Asked.Cel | Both, "the same")
    { Cel = "has(self.sandbox) != has(self.virtualMachine)" };

    public static readonly Rule RuntimeRequests = new("runtime.requests", Template, "spec.runtime.resources.requests", "absent: the instance type says the size", Asked.Cel | Both, "the same")
    { Cel = "!has(self.requests) || size(self.requests) == 0" };

    public static readonly Rule RuntimeClass = new("runtime.class", Template, "spec.runtime.class", "absent; no schema of ours has it", Both, "third era: a RuntimeClass");

    public static readonly Rule ContainerName = new("container.name", Template, "spec.runtime.sandbox.containers[].name", "a DNS label", Asked.Schema | Both, "the same");
    public static readonly Rule ContainerImage = new("container.image", Template, "spec.runtime.sandbox.containers[].image", "not empty", Asked.Schema | Both, "the same");

    public static readonly Rule ContainerRequests = new("container.requests", Template, "spec.runtime.sandbox.containers[].resources.requests", "absent: limits say what a container gets", Asked.Cel | Both, "refuses resources altogether")
    { Cel = "!has(self.requests) || size(self.requests) == 0" };

    public static readonly Rule ContainerLimits = new("container.limits", Template, "spec.runtime.sandbox.containers[].resources.limits", "cpu and memory, greater than 0", Both, "refuses resources altogether");
    public static readonly Rule EnvValueFrom = new("env.value-from", Template, "spec.runtime.sandbox.containers[].env[].valueFrom", "one configMapKeyRef or secretKeyRef with name and key", Both, "not checked");

    public static readonly Rule EnvFrom = new("env.from", Template, "spec.runtime.sandbox.containers[].envFrom[]", "one of configMapRef and secretRef", Asked.Cel | Both, "third era: the same")
    { Cel = "has(self.configMapRef) != has(self.secretRef)" };

    public static readonly Rule EnvFromName = new("env.from-name", Template, "spec.runtime.sandbox.containers[].envFrom[]", "a name; the prefix empty or a C identifier", Both, "third era: the same");
    public static readonly Rule PullSecret = new("pull-secret.name", Template, "spec.runtime.sandbox.imagePullSecrets[].name", "not empty", Both, "the same");
    public static readonly Rule PortName = new("port.name", Template, "spec.runtime.{sandbox.containers[],virtualMachine}.ports[].name", "an IANA service name", Both, "the same");
    public static readonly Rule PortNumber = new("port.number", Template, "spec.runtime.{sandbox.containers[],virtualMachine}.ports[].port", "1 to 65535", Asked.Schema | Both, "the same");
    public static readonly Rule PortProtocol = new("port.protocol", Template, "spec.runtime.{sandbox.containers[],virtualMachine}.ports[].protocol", "TCP, UDP or SCTP", Both, "not checked");
    public static readonly Rule AttachmentVolume = new("attachment.volume", Template, "spec.runtime.{sandbox.containers[],virtualMachine}.volumeAttachments[].name", "the name of a volume", Both, "the same");
    public static readonly Rule AttachmentPath = new("attachment.path", Template, "spec.runtime.{sandbox.containers[],virtualMachine}.volumeAttachments[].mountPath", "absolute, and once in a container", Both, "once in a container");
    public static readonly Rule AttachmentFilesystem = new("attachment.filesystem", Template, "spec.runtime.{sandbox.containers[],virtualMachine}.volumeAttachments[].mountPath", "a disk that is mounted has a populator", Both, "the same");
    public static readonly Rule MachineBoot = new("machine.boot", Template, "spec.runtime.virtualMachine.volumeAttachments[0].name", "first a disk with an image", Both, "the same");
    public static readonly Rule MachineKeys = new("machine.ssh-keys", Template, $"metadata.annotations[{Annotations.SshKeys}]", "one user:public-key a line, each an OpenSSH key", Both, "the same; also takes DSA keys, certificates and options");

    public static readonly Rule VolumeName = new("volume.name", Template, "spec.volumes[].name", "a DNS label", Asked.Schema | Both, "the same");

    public static readonly Rule VolumeOne = new("volume.one", Template, "spec.volumes[]", "one of disk, configMap and secret", Asked.Cel | Both, "the same")
    { Cel = "(has(self.disk) ? 1 : 0) + (has(self.configMap) ? 1 : 0) + (has(self.secret) ? 1 : 0) == 1" };

    public static readonly Rule VolumeAttached = new("volume.attached", Template, "spec.volumes[].name", "attached at least once; one that exists already stays as it is", Asked.Webhook, "the same");
    public static readonly Rule VolumeDevice = new("volume.device", Template, "spec.volumes[].disk.deviceName", "once; persistent-disk-INDEX where it is absent", Both, "the same");
    public static readonly Rule DiskSize = new("disk.size", Template, "spec.volumes[].disk.template.spec.resources.requests[storage]", "whole GiB, 1 or more; needed without an image", Both, "10Gi to 100Gi; 25Gi or more with an image");
    public static readonly Rule DiskRequests = new("disk.requests", Template, "spec.volumes[].disk.template.spec.resources.requests", "storage alone", Both, "the same");

    public static readonly Rule DiskPopulator = new("disk.populator", Template, "spec.volumes[].disk.template.spec.populator", "image or filesystem, not both", Asked.Cel | Both, "the same")
    { Cel = "!(has(self.image) && has(self.filesystem))" };

    public static readonly Rule FilesName = new("files.name", Template, "spec.volumes[].{configMap.name,secret.secretName}", "not empty", Both, "of config maps; of secrets in the third era");
    public static readonly Rule FilesMode = new("files.mode", Template, "spec.volumes[].{configMap,secret}.{defaultMode,items[].mode}", "0 to 511 (0777)", Both, "of config maps; of secrets in the third era");
    public static readonly Rule FilesItem = new("files.item", Template, "spec.volumes[].{configMap,secret}.items[]", "a key, and a relative path without ..", Both, "refuses items; third era: the same");

    public static readonly Rule InterfaceCount = new("interface.count", Template, "spec.networkInterfaces", "at least one", Asked.Schema | Both, "the same");
    public static readonly Rule InterfaceNetwork = new("interface.network", Template, "spec.networkInterfaces[].network.name", "a DNS label", Asked.Schema | Both, "the same");
    public static readonly Rule InterfaceNamespace = new("interface.namespace", Template, "spec.networkInterfaces[].network.namespace", "absent or the object's own", Both, "ignored");
    public static readonly Rule InterfaceIngress = new("interface.ingress", Template, "spec.networkInterfaces[].networkPolicy.ingress[]", "ports that exist, ranges that rise, prefixes that parse, exceptions inside them", Both, "not checked");

    public static readonly Rule UnknownField = new("template.unknown-field", Template, "anywhere in the spec", "no field that this host doesn't know", Both, "pruned silently");
    public static readonly Rule Suspended = new("annotation.suspended", Template, $"metadata.annotations[{Annotations.Suspended}]", "true or false", Both, "third era: stops the instance");
    public static readonly Rule Grace = new("annotation.termination-grace", Template, $"metadata.annotations[{Annotations.TerminationGrace}]", "a duration such as 30s", Both, "");
}
