"""The admin theme: the only module that imports it. Boxes of our own forms are drawn with the widgets named here."""

from unfold import widgets
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.paginator import InfinitePaginator

Checkboxes = widgets.UnfoldAdminCheckboxSelectMultipleWidget
File = widgets.UnfoldAdminFileFieldWidget
Number = widgets.UnfoldAdminIntegerFieldWidget
Decimal = widgets.UnfoldAdminDecimalFieldWidget
Password = widgets.UnfoldAdminPasswordWidget
Select = widgets.UnfoldAdminSelectWidget
Switch = widgets.UnfoldBooleanSwitchWidget
Textarea = widgets.UnfoldAdminTextareaWidget
TextInput = widgets.UnfoldAdminTextInputWidget

__all__ = [
    "AdminPasswordChangeForm",
    "InfinitePaginator",
    "ModelAdmin",
    "TabularInline",
    "UserChangeForm",
    "UserCreationForm",
]
