"""Networks with random weights that the benchmark trains: networks.py resnet18|efficientnet-lite0|bert12 <file.onnx>"""

import sys

import torch

NAME, FILE = sys.argv[1:3]
torch.manual_seed(0)

def lite(module):
    """EfficientNet-B0 without squeeze and excitation and with ReLU6 is EfficientNet-Lite0."""
    for name, child in module.named_children():
        if type(child).__name__ == "SqueezeExcitation":
            setattr(module, name, torch.nn.Identity())
        elif isinstance(child, torch.nn.SiLU):
            setattr(module, name, torch.nn.ReLU6())
        else:
            lite(child)


if NAME in ("resnet18", "efficientnet-lite0"):
    import torchvision

    if NAME == "resnet18":
        model = torchvision.models.resnet18()
        model.fc = torch.nn.Identity()
    else:
        model = torchvision.models.efficientnet_b0()
        model.classifier = torch.nn.Identity()
        lite(model)
    # Without biases that are all the same the exporter would make one tensor of them, which onnx2torch does not read.
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.bias, std=0.1)
    # The exporter folds BatchNorm into the convolutions, as published files have it.
    torch.onnx.export(
        model.eval(), (torch.rand(2, 3, 224, 224),), FILE, input_names=["input"], output_names=["features"],
        dynamic_axes={"input": {0: "N"}, "features": {0: "N"}}, opset_version=17, dynamo=False,
    )
else:
    from transformers import BertConfig, BertModel

    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            config = BertConfig(hidden_size=384, intermediate_size=1536, num_hidden_layers=12)
            config._attn_implementation = "eager"
            self.bert = BertModel(config, add_pooling_layer=False)

        def forward(self, input_ids, attention_mask, token_type_ids):
            return self.bert(input_ids, attention_mask, token_type_ids).last_hidden_state

    ids = torch.ones(2, 8, dtype=torch.int64)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    torch.onnx.export(
        Plain().eval(), (ids, ids, ids), FILE, input_names=names, output_names=["last_hidden_state"],
        dynamic_axes={n: {0: "batch", 1: "sequence"} for n in [*names, "last_hidden_state"]}, opset_version=17, dynamo=False,
    )
